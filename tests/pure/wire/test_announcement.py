"""Announcements byte by byte, as their RFCs draw them."""

from weft.wire.announcement import gratuitous_arps, unsolicited_advertisement

MAC = bytes.fromhex("020000000005")


def test_an_arp_announcement_asks_and_answers() -> None:
    request, reply = gratuitous_arps("203.0.113.10", MAC)
    own = "cb00710a"
    assert request.hex(" ", 2) == bytes.fromhex(
        f"ffffffffffff 020000000005 0806 0001 0800 06 04 0001 020000000005 {own} 000000000000 {own}".replace(" ", "")
    ).hex(" ", 2)
    assert reply == request[:20] + bytes.fromhex(f"0002 020000000005 {own} 020000000005 {own}")


def test_an_advertisement_overrides() -> None:
    target = "20010db8000000000000000000000010"
    assert unsolicited_advertisement("2001:db8::10", MAC) == bytes.fromhex(
        f"88 00 0000 a0000000 {target} 02 01 020000000005".replace(" ", "")
    )
