# A private PostgreSQL, from the system's packages. Sourced by scripts/services.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Arguments of inner shells; variables that the other pieces set.

postgres_log() { printf '%s' "$dir/postgres/log"; }

postgres_pid() {
    local pid data="$dir/postgres/data"
    pid=$(head -n 1 -- "$data/postmaster.pid" 2>/dev/null) && is_process "$pid" "$data" && printf '%s' "$pid"
}

launch_postgres() {
    find_postgres ||
        fail "The PostgreSQL that made $dir/postgres is no longer installed: install its version, or start anew with scripts/services down --purge."
    settle_port postgres
    [[ -d $dir/postgres/data ]] || make_database
    configure_postgres "$dir/postgres/data"
    forget_postmaster
    local tries
    for tries in 1 2 3 4 5; do
        ! as postgres "$postgres_bin/pg_ctl" -D "$dir/postgres/data" -l "$(postgres_log)" -t 120 -s -w start >/dev/null 2>&1 || return 0
        # After a crash, the old processes hold the shared memory for another moment, and the new server refuses to share it.
        tail -n 5 -- "$(postgres_log)" | grep -q 'shared memory block' || break
        sleep "$tries"
    done
    show_log "$(postgres_log)"
    fail 'PostgreSQL does not start.'
}

# Ready is what the server itself writes on the last line of its file, where pg_ctl reads it, too.
await_postgres() {
    until [[ $(tail -n 1 -- "$dir/postgres/data/postmaster.pid" 2>/dev/null) == ready* ]] && postgres_pid >/dev/null; do
        if ((SECONDS > $1)); then
            show_log "$(postgres_log)"
            fail 'PostgreSQL is not ready.'
        fi
        sleep 0.1
    done
    as postgres touch ready
}

stop_postgres() {
    local mode=fast
    [[ $1 == orderly ]] || mode=immediate
    find_postgres || fail "The PostgreSQL that runs in $dir/postgres is no longer installed; end process $(postgres_pid) by hand."
    as postgres "$postgres_bin/pg_ctl" -D "$dir/postgres/data" -m "$mode" -t 60 -s -w stop ||
        fail "PostgreSQL does not stop; see $(postgres_log)."
}

# Under another name until it is whole, so that an interrupted one is made again; a new name each time, because an initdb that was
# left behind may still be busy with the old one.
make_database() {
    local new="$dir/postgres/new.$$" setup="$dir/postgres/setup.log" locale=C.UTF-8
    locale -a 2>/dev/null | grep -qix 'c\.utf-\?8' || locale=C
    as postgres sh -c 'rm -rf -- new.*'
    as postgres sh -c 'cat >password' <<<"$password"
    if ! as postgres sh -c 'exec "$@" >setup.log 2>&1' sh "$postgres_bin/initdb" -D "$new" -U paceline --pwfile=password \
        --auth=password --encoding=UTF8 --locale="$locale"; then
        show_log "$setup"
        fail 'initdb failed.'
    fi
    as postgres rm -f -- password
    configure_postgres "$new"
    as postgres sh -c 'echo "include '\''paceline.conf'\''" >>"$1/postgresql.conf"' sh "$new"
    as postgres sh -c 'exec "$@" >>setup.log 2>&1' sh "$postgres_bin/postgres" --single -D "$new" postgres \
        <<<'CREATE DATABASE paceline'
    as postgres mv -- "$new" "$dir/postgres/data"
}

# No socket in the file system: its path would be too long in a deep folder.
configure_postgres() {
    as postgres sh -c 'cat >"$1/paceline.conf"' sh "$1" <<END
listen_addresses = '127.0.0.1'
port = $postgres_port
unix_socket_directories = ''
max_connections = 400
shared_buffers = '128MB'
fsync = on
END
}

# A file that a crash left behind, whose process id belongs to another program of the account by now, keeps PostgreSQL from
# starting. An id that no process can have lets it go on to its real check, which is that nobody holds the old shared memory.
forget_postmaster() {
    local pid file="$dir/postgres/data/postmaster.pid"
    pid=$(head -n 1 -- "$file" 2>/dev/null) || return 0
    [[ ! -d /proc/$pid ]] || as postgres sed -i '1s/.*/4999999/' "$file"
}

run_psql() {
    local client
    find_postgres && client=$postgres_bin/psql || client=psql
    PGPASSWORD=$password exec "$client" -h 127.0.0.1 -p "$postgres_port" -U paceline -d paceline "$@"
}
