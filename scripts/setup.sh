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

# in_language ENGLISH CHINESE: one of them, by LIVECAM_LANGUAGE or the system.
in_language() {
    local wanted=${LIVECAM_LANGUAGE:-auto} system=${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}
    [ "$wanted" != auto ] || case $system in
        zh*[Uu][Tt][Ff]*) wanted=zh ;;
    esac
    if [ "$wanted" = zh ]; then printf '%s' "$2"; else printf '%s' "$1"; fi
}

say() { printf 'livecam: %s\n' "$*" >&2; }

fail() {
    say "$1"
    [ $# -lt 2 ] || printf '   %s%s\n' "$(in_language 'hint: ' '提示：')" "$2" >&2
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
    [ -z "$offline" ] ||
        fail "$(in_language "$1: there is no network" "$1：没有网络")" \
            "$(in_language "connect to a network and run this again" "请连接网络，再运行一次")"
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
            fail "$(in_language "the models are not complete" "模型不完整")" \
                "$(in_language "run this again with a network; see above" "请联网后再运行一次；原因见上文")"
        { state_of_files && cat "$root/.venv/.livecam-files.new"; } >"$root/.venv/.livecam-files"
    fi
}

# Which models, which sample and which compiled kernels are wanted.
state_of_files() {
    cat "$root/livecam/config/assets.toml" "$root/livecam/sources/sample_clip.py" "$root"/livecam/kernels/*.py |
        cksum
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
        say "$(in_language "no apt here; livecam needs OpenGL with EGL and Mesa, glib and portaudio" \
            "这里没有 apt；livecam 需要带 EGL 的 OpenGL 和 Mesa、glib、portaudio")"
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
        fail "$(in_language "system packages are missing, and there is no sudo" "缺少系统软件包，而且没有 sudo")" \
            "$(in_language "as root:" "以 root 身份运行：") apt-get install ${missing[*]}"
    say "$(in_language "installing system packages: ${missing[*]}" \
        "正在安装系统软件包：${missing[*]}")"
    quietly as_root apt-get update -q ||
        say "$(in_language "the package lists could not be updated; trying the old ones" \
            "软件包列表无法更新，先用旧的")"
    quietly apt_install "${missing[@]}" ||
        could_not "$(in_language "the system packages ${missing[*]} could not be installed" \
            "系统软件包 ${missing[*]} 无法安装")" \
            "$(in_language "run:" "请运行：") sudo apt-get update && sudo apt-get install ${missing[*]}"
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
            fail "$(in_language "Python 3.11 or newer with venv is needed" "需要 Python 3.11 或更新的版本，并带有 venv")" \
                "$(in_language "install it, then run this again" "请先安装，再运行一次")"
        say "$(in_language "making .venv with" "正在建立 .venv，使用") $("$python" --version)"
        "$python" -m venv "$root/.venv" ||
            fail "$(in_language "$root/.venv could not be made" "无法建立 $root/.venv")"
    fi
    make_path_relative
    "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1 ||
        "$root/.venv/bin/python" -m ensurepip >/dev/null ||
        fail "$(in_language "$root/.venv has no pip" "$root/.venv 里没有 pip")" \
            "$(in_language "remove the folder .venv and run this again" "请删除文件夹 .venv，再运行一次")"
    say "$(in_language "installing Python packages from ${lock##*/} (a few minutes the first time)" \
        "正在安装 ${lock##*/} 里的 Python 软件包（第一次需要几分钟）")"
    quietly pip_install --require-hashes --no-deps -r "$lock" ||
        could_not "$(in_language "the Python packages could not be installed" "Python 软件包无法安装")" \
            "$(in_language "check the network, or set your mirror:" "请检查网络，或设置镜像：") pip config set global.index-url ADDRESS"
    quietly pip_install --no-deps --no-build-isolation --no-index -e "$root" ||
        fail "$(in_language "livecam itself could not be installed" "livecam 本身无法安装")" \
            "$(in_language "see the message above" "原因见上文")"
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
