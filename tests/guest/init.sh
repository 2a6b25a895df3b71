#!/bin/sh
# The first process of a guest: a root of its own (the machine's files below, read-only; a tmpfs above), then the agent.
# guest_work, guest_out, guest_python and guest_agent come from the kernel's command line, as environment.
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs -o size=75% top /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm dev/net hostout hostroot
[ -e dev/net/tun ] || mknod dev/net/tun c 10 200
mount -t devpts devpts dev/pts
mount -t tmpfs shm dev/shm
mount -t tmpfs -o mode=755 run run
mkdir run/netns run/lock run/net_cls run/guest
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t cgroup -o net_cls net_cls run/net_cls
mount -t hostfs -o "$guest_work" work run/guest
mount -t hostfs -o "$guest_out" out hostout
echo guest >/proc/sys/kernel/hostname
ip link set lo up
# Not chroot: whoever enters a mount namespace lands in its root, which must be the one above.
pivot_root . hostroot
umount -l /hostroot
[ -z "$guest_over" ] || . "${guest_agent%/*}/systemd.sh"
exec "$guest_python" -I -S "$guest_agent"
