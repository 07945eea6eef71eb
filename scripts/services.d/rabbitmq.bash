# A private RabbitMQ, from the system's packages, with a name server (epmd) of its own, so that no other node of the machine is
# seen or disturbed. Sourced by scripts/services.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Arguments of inner shells; variables that the other pieces set.

node() { printf 'paceline-%s@localhost' "$id"; }

rabbitmq_log() { printf '%s' "$dir/rabbitmq/output"; }

# The server, or the script that is starting it. Both have the node's name among their arguments.
rabbitmq_pid() {
    local file pid
    for file in pid script.pid; do
        pid=$(cat -- "$dir/rabbitmq/$file" 2>/dev/null) && is_process "$pid" "$(node)" && printf '%s' "$pid" && return
    done
    return 1
}

launch_rabbitmq() {
    find_rabbitmq || fail 'RabbitMQ is no longer installed: install the package rabbitmq-server.'
    settle_port rabbitmq
    # The first start also makes the user. When it was cut short, it is made again from the beginning.
    [[ -e $dir/rabbitmq/ready ]] || as rabbitmq rm -rf -- db
    configure_rabbitmq
    start_epmd
    # `-paceline` means nothing to the server; it is how rabbitmq_pid knows it.
    as_node setsid -f sh -c "$start_script" sh "$rabbitmq_bin/rabbitmq-server" -paceline "$(node)"
}

# Each queue and each connection takes files. The limit is raised here since a change of account sets it back.
start_script='
    echo $$ >script.pid
    ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
    exec "$@" </dev/null >output 2>&1
'

await_rabbitmq() {
    while ((SECONDS < $1)); do
        if rabbitmq_answers; then
            as rabbitmq touch ready
            return
        fi
        sleep 0.2
        rabbitmq_pid >/dev/null || rabbitmq_launches || break
    done
    show_log "$(rabbitmq_log)"
    fail 'RabbitMQ does not start.'
}

# For a moment after its launch, the script has not yet written its id.
rabbitmq_launches() {
    sleep 1
    rabbitmq_pid >/dev/null
}

# Whether our node runs and greets a client as AMQP brokers do: the first byte of its answer is a method frame's.
rabbitmq_answers() {
    local byte=''
    rabbitmq_pid >/dev/null || return 1
    (
        exec 3<>"/dev/tcp/127.0.0.1/$rabbitmq_port"
        printf 'AMQP\0\0\11\1' >&3
        IFS= read -r -t 5 -N 1 -u 3 byte
        [[ $byte == $'\1' ]]
    ) 2>/dev/null
}

# A node removes its file long before it ends, so that the last id seen is waited for, too.
stop_rabbitmq() {
    local signal=TERM deadline=$((SECONDS + 60)) pid last='' asked=-9
    [[ $1 == orderly ]] || signal=KILL
    while pid=$(rabbitmq_pid) || { pid=$last && is_process "$pid" "$(node)"; }; do
        if ((SECONDS > deadline)) && [[ $signal == TERM ]]; then
            say 'RabbitMQ has not stopped within a minute and is killed.'
            signal=KILL
        fi
        # Asked more than once, because a node that is still booting does not listen.
        if [[ $signal == KILL ]] || ((SECONDS > asked + 1)); then
            as rabbitmq kill "-$signal" "$pid" 2>/dev/null || true
            asked=$SECONDS
        fi
        last=$pid
        sleep 0.1
    done
}

configure_rabbitmq() {
    as rabbitmq sh -c 'cat >rabbitmq.conf; echo "[]." | tee plugins >advanced.config; : >environment' <<END
listeners.tcp.1 = 127.0.0.1:$rabbitmq_port
default_user = paceline
default_pass = $password
disk_free_limit.absolute = 256MB
END
}

# Runs a command of RabbitMQ so that it finds our node and nothing of the system's.
as_node() {
    local home="$dir/rabbitmq"
    as rabbitmq ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" ERL_CRASH_DUMP_SECONDS=0 \
        ERL_FLAGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        RABBITMQ_NODENAME="$(node)" RABBITMQ_DIST_PORT="$dist_port" \
        RABBITMQ_CONF_ENV_FILE="$home/environment" RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$home/advanced.config" RABBITMQ_GENERATED_CONFIG_DIR="$home/config" \
        RABBITMQ_MNESIA_BASE="$home/db" RABBITMQ_LOG_BASE="$home/log" RABBITMQ_PID_FILE="$home/pid" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$home/plugins" "$@"
}

epmd_pid() {
    local pid
    pid=$(cat -- "$dir/rabbitmq/epmd.pid" 2>/dev/null) && is_process "$pid" "$epmd_port" && printf '%s' "$pid"
}

start_epmd() {
    ! epmd_pid >/dev/null || return 0
    settle_port epmd
    as_node setsid -f sh -c 'echo $$ >epmd.pid; exec epmd -port "$1" </dev/null >epmd.log 2>&1' sh "$epmd_port"
}

stop_epmd() {
    local pid
    pid=$(epmd_pid) || return 0
    as rabbitmq kill "$pid"
}

run_rabbitmqctl() {
    find_rabbitmq || fail 'RabbitMQ is no longer installed: install the package rabbitmq-server.'
    as_node "$rabbitmq_bin/rabbitmqctl" "$@"
}
