# Sets livecam up in this checkout; sourced by scripts/run and scripts/test, which set $root.
#
# What was done is noted in .venv, so that the next start does nothing and needs no network.

# Shared libraries, and the Debian package that holds each.
#   libGL, libEGL, Mesa's drivers   OpenGL, also without a display
#   libglib-2.0                     OpenCV and MediaPipe
#   libportaudio                    the microphone
system_packages=(libgl1 libegl1 libgl1-mesa-dri libglib2.0-0 libportaudio2)
# A display without a screen, what looks at windows and system calls in tests, and a voice.
test_packages=(xvfb xdotool imagemagick strace espeak-ng)

say() { printf 'livecam: %s\n' "$*" >&2; }

fail() {
    say "$1"
    [ $# -lt 2 ] || printf '   hint: %s\n' "$2" >&2
    exit 1
}

# What apt and pip say when no server could be asked.
unreachable='Temporary failure|Could not resolve|[Nn]etwork is unreachable|Could not connect|Unable to connect'
unreachable+='|Cannot initiate the connection|timed out|NewConnectionError|name resolution|ConnectTimeout'
offline=

# quietly COMMAND...: what it says appears if it fails, unless the cause is that there is no network.
quietly() {
    local log failed=
    log=$(mktemp)
    "$@" >"$log" 2>&1 || failed=1
    # apt-get update does not fail for want of a network.
    if grep -qE "$unreachable" "$log"; then
        offline=1
    elif [ -n "$failed" ] && [ -z "$offline" ]; then
        tail -n 5 "$log" >&2
    fi
    rm -f "$log"
    [ -z "$failed" ]
}

# could_not WORDS HINT: the end; the hint is another one without a network.
could_not() {
    [ -z "$offline" ] || fail "$1: there is no network" "connect to a network and run this again"
    fail "$1" "$2"
}

# set_up LOCK [LARGER]: installs the packages of LOCK, unless they or those of LARGER are there.
set_up() {
    if ! noted "$(state_of "$1")" && ! { [ $# -gt 1 ] && noted "$(state_of "$2")"; }; then
        [ "$1" = requirements.lock ] || system_packages+=("${test_packages[@]}")
        install_system_packages
        install_python_packages "$root/$1"
        state_of "$1" >"$root/.venv/.livecam-installed"
    fi
    if ! files_are_there; then
        rm -f "$root/.venv/.livecam-files"
        "$root/.venv/bin/python" "$root/scripts/prepare.py" >"$root/.venv/.livecam-files.new" ||
            fail "the models are not complete" "run this again with a network; see above"
        { state_of_files && cat "$root/.venv/.livecam-files.new"; } >"$root/.venv/.livecam-files"
    fi
}

# Which models and which sample are wanted.
state_of_files() {
    cat "$root/livecam/config/assets.toml" "$root/livecam/sources/sample_clip.py" | cksum
}

# What .venv was made from: another lock, another project file or a moved checkout is not the same.
state_of() {
    printf '%s %s %s\n' "$1" "$(cat "$root/$1" "$root/pyproject.toml" "$root/scripts/setup.sh" | cksum)" \
        "$root"
}

noted() {
    [ -x "$root/.venv/bin/python" ] && [ -f "$root/.venv/.livecam-installed" ] &&
        grep -qxF -- "$1" "$root/.venv/.livecam-installed"
}

files_are_there() {
    local state file
    [ -s "$root/.venv/.livecam-files" ] || return 1
    {
        IFS= read -r state
        [ "$state" = "$(state_of_files)" ] || return 1
        while IFS= read -r file; do
            [ -f "$file" ] || return 1
        done
    } <"$root/.venv/.livecam-files"
}

install_system_packages() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "no apt here; livecam needs OpenGL with EGL and Mesa, glib and portaudio"
        return
    fi
    for package in "${system_packages[@]}"; do
        installed "$package" || missing+=("$package")
    done
    if ! usable_python >/dev/null; then
        installed python3 || missing+=(python3)
        missing+=(python3-venv)
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    can_be_root ||
        fail "system packages are missing, and there is no sudo" \
            "as root: apt-get install ${missing[*]}"
    say "installing system packages: ${missing[*]}"
    quietly as_root apt-get update -q || say "the package lists could not be updated; trying the old ones"
    quietly apt_install "${missing[@]}" ||
        could_not "the system packages ${missing[*]} could not be installed" \
            "run: sudo apt-get update && sudo apt-get install ${missing[*]}"
    # Ubuntu 22.04 has a newer Python beside its old one.
    usable_python >/dev/null || quietly apt_install python3.11 python3.11-venv || true
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@"
}

# Newer releases renamed some packages: libglib2.0-0 became libglib2.0-0t64.
installed() {
    case $(dpkg-query -W -f='${Status};' "$1" "$1t64" 2>/dev/null) in
        *"install ok installed"*) return 0 ;;
        *) return 1 ;;
    esac
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# The first Python that is new enough and can make virtual environments.
usable_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

install_python_packages() {
    local lock=$1 python
    offline=
    if [ ! -x "$root/.venv/bin/python" ]; then
        python=$(usable_python) ||
            fail "Python 3.11 or newer with venv is needed" "install it, then run this again"
        say "making .venv with $("$python" --version)"
        "$python" -m venv "$root/.venv" || fail "$root/.venv could not be made"
    fi
    make_path_relative
    "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1 ||
        "$root/.venv/bin/python" -m ensurepip >/dev/null ||
        fail "$root/.venv has no pip" "remove the folder .venv and run this again"
    say "installing Python packages from ${lock##*/} (a few minutes the first time)"
    quietly pip_install --require-hashes --no-deps -r "$lock" ||
        could_not "the Python packages could not be installed" \
            "check the network, or set your mirror: pip config set global.index-url ADDRESS"
    quietly pip_install --no-deps --no-build-isolation --no-index -e "$root" ||
        fail "livecam itself could not be installed" "see the message above"
    make_path_relative
}

# Python reads the path of this checkout in the encoding of the locale, in which a folder's name may
# not exist. A relative path is ASCII.
make_path_relative() {
    local file
    for file in "$root"/.venv/lib/python3*/site-packages/_livecam.pth; do
        [ ! -f "$file" ] || printf '../../../..\n' >"$file"
    done
}

pip_install() {
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
}
