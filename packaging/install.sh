# Sourced by demo.sh and test.sh: installs what packages.txt lists and this machine lacks, and looks at where the tree is. Needs root.

# Guests are other users: they run programs of this tree. Ends with words when they could not reach it, as in root's own directory.
need_tree_for_guests() {
  local directory=$PWD
  until [ "$directory" = / ]; do
    if [ $(($(stat -c %a "$directory") % 2)) = 0 ]; then
      echo "$0: guests run as other users, who cannot pass $directory: move the tree to a place for all, such as /opt" >&2
      exit 1
    fi
    directory=$(dirname "$directory")
  done
}

packages_wanted() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

install_packages() { # LIST
  local missing=() package
  for package in $(packages_wanted "$1"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! without_services apt_install "${missing[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "could not install the packages above; the whole log is in $log" >&2
    return 1
  fi
  rm -f "$log"
}

apt_install() { apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "$@"; }

# COMMAND... PACKAGE...: a service that a package brings is not to run for our sake, neither now nor after the next boot.
without_services() (
  policy=/usr/sbin/policy-rc.d # invoke-rc.d and deb-systemd-invoke ask it; one that is there is the machine's own
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
  fi
  "$@" || exit 1
  for service in prometheus mosquitto nats-server; do
    case " $* " in *" $service "*) systemctl disable "$service.service" ;; esac
  done
)
