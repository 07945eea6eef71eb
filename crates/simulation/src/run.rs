//! One run: turns in which every process gets a little further, until the storm is over and nothing is left to do.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Report,
    books::Books,
    chance::Chance,
    flaw::Flaw,
    node::{Fleet, Kind, Node, Standing},
    oracle, scenario,
    storm::{self, Storm},
    trace::{Keep, Trace},
    weather::Weather,
    world::{Parts, Shared, World},
};

/// How long a run may take to settle after the storm; the longest pause of a worker is a minute.
const SETTLES_WITHIN: TimeDelta = TimeDelta::seconds(400);

/// How often the settled state is looked for.
const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(500);

struct Run {
    shared: Shared,
    nodes: Vec<Node>,
    fleet: Fleet,
    storm: Storm,
    calm: bool,
    order: Vec<usize>,
}

/// Runs one seed.
pub fn run(seed: u64, flaw: Option<Flaw>, keep: Keep) -> Report {
    let mut run = Run::of(seed, flaw, keep);
    let began = scenario::beginning();
    let give_up_at = run.storm.ends_at + SETTLES_WITHIN;
    let mut look_at = run.storm.ends_at + LOOK_EVERY;
    let now = loop {
        let now = run.turn();
        if now >= give_up_at || !run.shared.lock().books.wrongs.is_empty() {
            break now;
        }
        if now >= look_at {
            look_at = now + LOOK_EVERY;
            if oracle::is_settled(&run.shared.lock(), &run.fleet.profiles) {
                break now;
            }
        }
    };
    run.report(seed, now - began)
}

impl Run {
    fn of(seed: u64, flaw: Option<Flaw>, keep: Keep) -> Self {
        let mut chance = Chance::of(seed);
        let now = scenario::beginning();
        let (network, stocked) = (scenario::network(&mut chance), scenario::store(&mut chance));
        let (weather, storm) = (Weather::draw(&mut chance), Storm::draw(&mut chance, now));
        let workers = chance.between(2, 3);
        // Whoever is left can hold them all.
        let slots = u32::try_from(stocked.maps.look().senders.len()).unwrap_or(u32::MAX);
        let mut nodes: Vec<Node> =
            (0..2_usize).map(|index| Node::new(index, Kind::Control, format!("control{index}"), now)).collect();
        for number in 0..workers {
            let starts_at = now + chance.millis(0, 1_500);
            nodes.push(Node::new(nodes.len(), Kind::Worker, format!("worker{number}"), starts_at));
        }
        let order = (0..nodes.len()).collect();
        let (books, trace) = (Books::new(stocked.key.clone()), Trace::new(keep, now));
        let world = World::new(Parts { store: stocked, network, weather, chance, books, flaw, trace });
        let fleet = Fleet { profiles: scenario::profiles(), slots };
        Self { shared: Shared::new(world), nodes, fleet, storm, calm: false, order }
    }

    /// Every process gets a little further. Answers with the moment that they have got to.
    fn turn(&mut self) -> DateTime<Utc> {
        let (from, until) = self.next_moment();
        for place in 0..self.order.len() {
            self.run_node(self.order[place], from, until);
            let ambushed = std::mem::take(&mut self.shared.lock().ambushed);
            for (index, ambush) in ambushed {
                self.storm.spring(&self.shared, &mut self.nodes[index], ambush);
            }
        }
        {
            let mut world = self.shared.lock();
            world.reach(until);
            world.let_happen();
        }
        if until >= self.storm.ends_at {
            self.calm_down(until);
        } else {
            self.storm.act(&self.shared, &mut self.nodes);
        }
        until
    }

    fn next_moment(&mut self) -> (DateTime<Utc>, DateTime<Utc>) {
        let mut world = self.shared.lock();
        world.chance.shuffle(&mut self.order);
        // Far below what a lease outlasts a send by, since processes differ by a turn.
        let longest = if self.calm { 400 } else { 50 };
        let from = world.now;
        let step = TimeDelta::milliseconds(i64::from(world.chance.between(5, longest)));
        let least = from + TimeDelta::milliseconds(1);
        let until = world.next_at().map_or(from + step, |next| next.max(least).min(from + step));
        (from, until)
    }

    fn run_node(&mut self, index: usize, from: DateTime<Utc>, until: DateTime<Utc>) {
        let node = &mut self.nodes[index];
        if node.running.is_none() {
            if node.starts_at <= from {
                node.start(&self.shared, &self.fleet);
            }
            return;
        }
        match node.run_until(from, until) {
            Standing::Runs => {}
            standing => {
                let starts_at = until + TimeDelta::milliseconds(500);
                storm::end_connections(&mut self.shared.lock(), index);
                node.kill(starts_at);
                let mut world = self.shared.lock();
                world.note(&node.name, format_args!("has ended"));
                if standing == Standing::Broke {
                    world.books.wrong(format!("{} broke off", node.name));
                }
            }
        }
    }

    /// The storm is over: nothing goes wrong any more, and who is away comes back.
    fn calm_down(&mut self, now: DateTime<Utc>) {
        if std::mem::replace(&mut self.calm, true) {
            return;
        }
        let mut world = self.shared.lock();
        world.note("storm", format_args!("is over"));
        world.weather = world.weather.calm();
        for node in &mut self.nodes {
            node.wake(now);
            node.starts_at = node.starts_at.min(now);
        }
    }

    fn report(self, seed: u64, span: TimeDelta) -> Report {
        let Self { shared, mut nodes, fleet, storm, .. } = self;
        {
            let mut world = shared.lock();
            if world.books.wrongs.is_empty() {
                world.judge(&fleet.profiles);
            }
        }
        // The processes hold the world; they end before it is taken apart.
        nodes.clear();
        let mut world = shared.lock();
        let figures = crate::Figures::of(&world, storm.figures, span);
        let wrongs = std::mem::take(&mut world.books.wrongs);
        for wrong in &wrongs {
            world.note("oracle", format_args!("{wrong}"));
        }
        let (hash, lines) = world.end();
        Report { seed, wrongs, hash, lines, figures }
    }
}
