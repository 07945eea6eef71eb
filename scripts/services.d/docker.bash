# The servers as containers, where the packages are missing and a container engine is there. Sourced by scripts/services.
# shellcheck shell=bash
# shellcheck disable=SC2154 # Variables that the other pieces set.

docker_works() { command -v docker >/dev/null && docker version >/dev/null 2>&1; }

container() { printf 'paceline-services-%s-%s' "$id" "$1"; }

docker_pid() {
    [[ $(docker container inspect --format '{{.State.Running}}' "$(container "$1")" 2>/dev/null) == true ]] && container "$1"
}

docker_log() { printf 'docker logs %s' "$(container "$1")"; }

docker_launch() {
    if docker container inspect "$(container "$1")" >/dev/null 2>&1; then
        docker start "$(container "$1")" >/dev/null || fail "The container of $1 does not start; see $(docker_log "$1")."
        return
    fi
    settle_port "$1"
    "docker_create_$1" >/dev/null || fail "The container of $1 cannot be made; docker has said why."
    rm -f -- "$dir/environment"
}

# The password goes by file: arguments are for all to see.
docker_create_postgres() {
    printf 'POSTGRES_USER=paceline\nPOSTGRES_DB=paceline\nPOSTGRES_PASSWORD=%s\n' "$password" >"$dir/environment"
    docker run --detach --name "$(container postgres)" --env-file "$dir/environment" \
        --publish "127.0.0.1:$postgres_port:5432" --shm-size 256m "$(image_of postgres)" -c max_connections=400
}

docker_create_rabbitmq() {
    printf 'RABBITMQ_DEFAULT_USER=paceline\nRABBITMQ_DEFAULT_PASS=%s\n' "$password" >"$dir/environment"
    # The node's name holds the host's, and its data the node's.
    docker run --detach --name "$(container rabbitmq)" --hostname rabbitmq --env-file "$dir/environment" \
        --publish "127.0.0.1:$rabbitmq_port:5672" "$(image_of rabbitmq)"
}

# The same images as in production.
image_of() {
    sed -n "s/^ *image: *\($1:[^ ]*\).*/\1/p" "$repository/deploy/compose.yaml" | head -n 1
}

docker_await() {
    local probe=(pg_isready --quiet --host 127.0.0.1 --username paceline)
    [[ $1 == postgres ]] || probe=(rabbitmq-diagnostics --quiet check_port_connectivity)
    while ((SECONDS < $2)); do
        if docker exec "$(container "$1")" "${probe[@]}" >/dev/null 2>&1; then
            mkdir -p -- "$dir/$1" && touch -- "$dir/$1/ready"
            return
        fi
        docker_pid "$1" >/dev/null || break
        sleep 0.5
    done
    say "The last lines of $(docker_log "$1"):"
    docker logs --tail 25 "$(container "$1")" >&2 || true
    fail "The container of $1 is not ready."
}

docker_stop() {
    local verb=stop
    [[ $2 == orderly ]] || verb="kill"
    docker "$verb" "$(container "$1")" >/dev/null || fail "The container of $1 does not stop; docker has said why."
}

docker_tidy() {
    [[ $1 == keep ]] || docker rm --force --volumes "$(container postgres)" "$(container rabbitmq)" >/dev/null 2>&1 || true
}

docker_client() {
    local terminal=()
    [[ ! -t 0 ]] || terminal=(--tty)
    case $1 in
        psql) exec docker exec --interactive ${terminal[@]+"${terminal[@]}"} "$(container postgres)" psql -U paceline "${@:2}" ;;
        rabbitmqctl) exec docker exec "$(container rabbitmq)" "$@" ;;
    esac
}
