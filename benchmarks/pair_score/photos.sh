#!/bin/sh
# Fetches the photos that table.py was fed with, out of Debian 12 packages: `sh photos.sh DIR`. Unpacks, installs nothing.
# The photos inside gcompris-qt-data are in Qt resource files, which this does not open.
set -eu
mkdir -p "$1/unpacked"
cd "$1"
for package in gnome-backgrounds mate-backgrounds plasma-workspace-wallpapers lomiri-wallpapers-16.04 \
    lomiri-wallpapers-20.04 ukui-wallpapers palapeli-data python3-skimage lxqt-themes; do
    apt-get download -q "$package"
    dpkg -x "${package}"_*.deb unpacked
    rm -f "${package}"_*.deb
done
find unpacked -type f \( -name '*.jpg' -o -name '*.jpeg' -o -name '*.png' -o -name '*.webp' \) -size +40k
