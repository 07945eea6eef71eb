# Servers that the environment names: they are looked at, never touched. Sourced by scripts/services.
# shellcheck shell=bash

is_given() { [[ -n ${DATABASE_URL:-} || -n ${AMQP_URL:-} ]]; }

# Whether the environment names the servers of the folder, as it does after `eval "$(scripts/services up)"`.
is_own() { read_settings && [[ ${DATABASE_URL:-} == "$(database_url)" && ${AMQP_URL:-} == "$(amqp_url)" ]]; }

check_given() {
    [[ -n ${DATABASE_URL:-} ]] || fail 'AMQP_URL is set and DATABASE_URL is not: set both, or unset AMQP_URL for private servers.'
    [[ -n ${AMQP_URL:-} ]] || fail 'DATABASE_URL is set and AMQP_URL is not: set both, or unset DATABASE_URL for private servers.'
    check_reachable DATABASE_URL 5432
    check_reachable AMQP_URL "$([[ $AMQP_URL == amqps:* ]] && echo 5671 || echo 5672)"
}

# A connection and no more: whether name and password are right is for `paceline check`.
check_reachable() {
    local name=$1 port=$2 host pattern='^[a-z+]+://([^@/]*@)?(\[([^]]+)\]|([^:/?]*))(:([0-9]+))?([/?]|$)'
    if [[ ! ${!name} =~ $pattern ]]; then
        fail "$name is no URL with a host."
    fi
    host=${BASH_REMATCH[3]:-${BASH_REMATCH[4]}}
    port=${BASH_REMATCH[6]:-$port}
    if [[ -z $host || $host == *%2[fF]* || $host == *,* ]]; then
        say "$name names a socket or several hosts; whether it answers was not looked at."
        return
    fi
    # shellcheck disable=SC2016 # The inner shell's arguments.
    timeout 10 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$port" 2>/dev/null ||
        fail "$name names $host:$port, where nothing answers. Start that server, or unset DATABASE_URL AMQP_URL for private ones."
}
