# Read by init.sh where a guest is to have systemd for its first process. It starts what every Debian starts, nothing
# that is enabled or configured on this machine, and the agent. The folder guest_over is laid above all files.
rm -rf /etc/systemd/system/* /etc/systemd/network/* /etc/netplan/* /var/lib/weft
mkdir -p /hostover /run/systemd/system/sysinit.target.wants /run/systemd/journald.conf.d /run/tmpfiles.d
mount -t hostfs -o "$guest_over" over /hostover
find /hostover -mindepth 1 -maxdepth 1 -exec cp -a {} / \;
umount /hostover
# No consoles but the agent's; /tmp, which is this machine's, is not cleaned.
for unit in getty.target systemd-logind.service; do ln -s /dev/null "/run/systemd/system/$unit"; done
ln -s /dev/null /run/tmpfiles.d/tmp.conf
# netplan's generator writes it below /run where this machine has Open vSwitch, which does not run here.
ln -sf /dev/null /etc/systemd/system/netplan-ovs-cleanup.service
printf '[Journal]\nStorage=volatile\n' >/run/systemd/journald.conf.d/guest.conf
cat >/run/systemd/system/guest-agent.service <<END
[Unit]
Description=Runs commands for the host
DefaultDependencies=no
[Service]
ExecStart=$guest_python -I -S $guest_agent
END
ln -s ../guest-agent.service /run/systemd/system/sysinit.target.wants/guest-agent.service
exec env -i /lib/systemd/systemd --unit=multi-user.target
