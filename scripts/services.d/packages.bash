# Servers from the system's packages, run in the folder: which programs there are, and how to get them. What is done with a
# server is in postgres.bash and rabbitmq.bash. Sourced by scripts/services.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables that the other pieces set or read.

packages_pid() { "$1_pid"; }
packages_launch() { "launch_$1"; }
packages_await() { "await_$1" "$2"; }
packages_stop() { "stop_$1" "$2"; }
packages_log() { "$1_log"; }
packages_tidy() { stop_epmd; }
packages_client() { "run_$1" "${@:2}"; }

# Decides between packages and containers, and installs the packages where that is allowed.
choose_how() {
    local missing
    missing=$(missing_packages)
    if [[ -n $missing ]] && ((EUID == 0)) && command -v apt-get >/dev/null; then
        install_packages "$missing" || say 'apt-get could not install them.'
        missing=$(missing_packages)
    fi
    if [[ -z $missing ]]; then
        how=packages
    elif docker_works; then
        say "Without the packages $missing, both run as containers."
        how=docker
    else
        say "Missing: $missing. Any one of these helps:"
        say "  as root: apt-get install $missing"
        say "  an engine for the command 'docker' that this user may use"
        fail '  servers of your own: export DATABASE_URL=postgres://… AMQP_URL=amqp://…'
    fi
}

missing_packages() {
    local missing=()
    find_postgres || missing+=(postgresql)
    find_rabbitmq || missing+=(rabbitmq-server)
    printf '%s' "${missing[*]}"
}

install_packages() {
    local packages
    read -ra packages <<<"$1"
    say "Installing the Debian packages $1. Where systemd runs, it also starts a server of its own from each, which is not"
    say '  used here: systemctl disable --now postgresql rabbitmq-server ends those.'
    # The lists of a fresh image are empty, those of an old one name versions that are gone.
    run_apt update || say 'Going on with the lists that there are.'
    run_apt install "${packages[@]}"
}

# Silent, unless it fails.
run_apt() {
    local verb=$1 output
    shift
    output=$(DEBIAN_FRONTEND=noninteractive apt-get "$verb" -qq --yes --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 2>&1 9>&- </dev/null) && return
    tail -n 10 <<<"$output" >&2
    return 1
}

# The programs of PostgreSQL, as the variable postgres_bin: of the version that made the data, or the newest.
find_postgres() {
    local version='' candidate
    [[ ! -r $dir/postgres/data/PG_VERSION ]] || version=$(<"$dir/postgres/data/PG_VERSION")
    while read -r candidate; do
        [[ -x $candidate/initdb && -x $candidate/pg_ctl && -x $candidate/postgres ]] || continue
        [[ -z $version || $("$candidate/postgres" --version) =~ \)\ $version([.\ ]|$) ]] || continue
        postgres_bin=$candidate
        return
    done < <(
        printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV
        dirname -- "$(command -v initdb)" 2>/dev/null
    )
    return 1
}

# The programs of RabbitMQ, as the variable rabbitmq_bin. Not those in /usr/sbin, which are wrappers around the system's one server.
find_rabbitmq() {
    rabbitmq_bin=/usr/lib/rabbitmq/bin
    [[ -x $rabbitmq_bin/rabbitmq-server ]] && command -v erl >/dev/null && command -v epmd >/dev/null
}
