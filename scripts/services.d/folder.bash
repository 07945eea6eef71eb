# The folder of a pair of servers: who may use it, its lock, and the settings that keep ports and password over a restart.
# Sourced by scripts/services.
# shellcheck shell=bash
# shellcheck disable=SC2034 # Variables that the other pieces read.

how='' id='' password='' postgres_port='' rabbitmq_port='' dist_port='' epmd_port=''
setting_names=(how id password postgres_port rabbitmq_port dist_port epmd_port)

choose_folder() {
    if [[ -z $dir ]]; then
        if ((EUID == 0)) && [[ -z ${XDG_STATE_HOME:-} ]]; then
            # The servers run as accounts that cannot enter the home of root.
            dir=/var/lib/paceline/services
        else
            dir=${XDG_STATE_HOME:-${HOME:?HOME is not set; name a folder with --dir}/.local/state}/paceline/services
        fi
    fi
    dir=$(realpath -m -- "$dir")
    # The servers' own scripts put paths between double quotes, and no further.
    case $dir in
        *[\"\'\`\$\\]* | *[[:cntrl:]]*) fail 'The name of the folder holds a quote, a dollar, a backslash or a control character; choose another with --dir.' ;;
    esac
}

# Makes the folder where needed and keeps others out until this script ends.
open_folder() {
    # Accounts of servers pass through the folders above, too, where they are new.
    (umask 022 && mkdir -p -- "$dir") || fail "Cannot make $dir; choose another folder with --dir."
    [[ -O $dir ]] || fail "$dir belongs to somebody else; choose another folder with --dir."
    is_ours || fail "$dir holds other things; choose an empty or a new folder with --dir."
    # A server of another account passes through; what is inside is closed to everybody else.
    if ((EUID == 0)); then chmod 711 -- "$dir"; else chmod 700 -- "$dir"; fi
    exec 9>"$dir/lock"
    flock -w 300 9 || fail "Another scripts/services has been busy with $dir for five minutes; see what it waits for."
}

open_existing() {
    [[ -f $dir/settings ]] || fail "There is nothing in $dir; scripts/services up starts both."
    open_folder
    has_settings
}

# Settings come first, so that whatever else lies in a folder without them is not ours.
is_ours() {
    [[ -f $dir/settings ]] || [[ -z $(find "$dir" -mindepth 1 -maxdepth 1 ! -name lock ! -name settings.new -print -quit) ]]
}

has_settings() { read_settings && check_accounts; }

read_settings() {
    [[ -f $dir/settings ]] || return 1
    [[ -r $dir/settings ]] || fail "$dir belongs to somebody else; choose another folder with --dir."
    local name value
    while IFS='=' read -r name value; do
        [[ " ${setting_names[*]} " == *" $name "* ]] && declare -g "$name=$value"
    done <"$dir/settings"
    [[ -n $how && -n $epmd_port ]] || fail "$dir/settings cannot be read; remove the folder."
}

# Decides how the servers run, and where.
new_settings() {
    choose_how
    id=$(random_hex 4) password=$(random_hex 16)
    postgres_port=$(free_port)
    rabbitmq_port=$(free_port)
    dist_port=$(free_port)
    epmd_port=$(free_port)
    write_settings
    check_accounts
}

write_settings() {
    local name
    for name in "${setting_names[@]}"; do
        printf '%s=%s\n' "$name" "${!name}"
    done >"$dir/settings.new"
    mv -f -- "$dir/settings.new" "$dir/settings"
}

# A port that was never printed may still change; one that was is in somebody's environment.
settle_port() {
    local setting="$1_port"
    is_free "${!setting}" && return
    [[ ! -e $dir/$1/ready ]] ||
        fail "Port ${!setting} of $1 is taken by another program. Stop that, or let scripts/services down --purge and up choose another."
    local port
    port=$(free_port)
    declare -g "$setting=$port"
    write_settings
}

# Below the range from which the system takes ports for outgoing connections.
free_port() {
    local port tries
    for ((tries = 0; tries < 200; tries++)); do
        port=$((20000 + RANDOM % 12000))
        [[ " $postgres_port $rabbitmq_port $dist_port $epmd_port " != *" $port "* ]] || continue
        is_free "$port" || continue
        printf '%s' "$port"
        return
    done
    fail 'Found no free port from 20000 to 31999 on 127.0.0.1.'
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

random_hex() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

port_of() {
    local setting="$1_port"
    printf '%s' "${!setting}"
}

database_url() { printf 'postgres://paceline:%s@127.0.0.1:%s/paceline' "$password" "$postgres_port"; }
amqp_url() { printf 'amqp://paceline:%s@127.0.0.1:%s/%%2f' "$password" "$rabbitmq_port"; }

# Neither server should run as root, and PostgreSQL refuses to.
check_accounts() {
    [[ $how == packages ]] && ((EUID == 0)) || return 0
    local account
    for account in postgres rabbitmq; do
        id -u "$account" >/dev/null 2>&1 || fail "There is no account $account; install the Debian packages anew."
        runuser -u "$account" -- test -x "$dir" ||
            fail "The account $account cannot enter $dir, which lies below a folder of root's; choose another with --dir."
        [[ -d $dir/$account ]] || install -d -m 700 -o "$account" -- "$dir/$account"
    done
}

# Runs a command as a server's account, in the server's folder and in an environment that nobody's habits reach. The lock stays
# behind: a server that inherits it would hold it for ever.
as() {
    local account=$1 drop=()
    shift
    ((EUID != 0)) || drop=(runuser -u "$account" --)
    (
        mkdir -p -- "$dir/$account"
        cd -- "$dir/$account" || exit
        exec ${drop[@]+"${drop[@]}"} env -i PATH="$PATH" HOME="$dir/$account" LANG=C.UTF-8 TMPDIR=/tmp "$@"
    ) 9>&-
}

# Whether a process lives and was started with this argument: process ids are used again.
is_process() {
    [[ $1 =~ ^[0-9]+$ ]] && grep -qzxF -e "$2" "/proc/$1/cmdline" 2>/dev/null
}

remove_folder() {
    rm -rf -- "$dir/postgres" "$dir/rabbitmq" "$dir/settings" "$dir/settings.new" "$dir/environment" "$dir/lock"
    rmdir -- "$dir"
}

# The last words of a server that does not start.
show_log() {
    say "The last lines of $1:"
    tail -n 25 -- "$1" >&2 || true
}
