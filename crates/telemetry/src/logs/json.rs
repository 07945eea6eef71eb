//! One flat JSON object a line: `timestamp`, `level`, `target`, `message`, then the fields of the spans from the outermost
//! in, then those of the event. The inner name wins.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// What a field may not overwrite.
const OWN: [&str; 4] = ["timestamp", "level", "target", "message"];

pub(super) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut of_event = Fields::default();
        event.record(&mut of_event);

        let mut line = Line { writer: &mut writer, begun: false };
        line.add("timestamp", &Value::from(timestamp))?;
        line.add("level", &Value::from(event.metadata().level().as_str()))?;
        line.add("target", &Value::from(event.metadata().target()))?;
        line.add("message", &of_event.message)?;
        let mut fields = of_spans(context);
        fields.append(&mut of_event.fields);
        for (name, value) in fields.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            line.add(name, value)?;
        }
        writer.write_str("}\n")
    }
}

fn of_spans<S>(context: &FmtContext<'_, S, JsonFields>) -> Map<String, Value>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let mut fields = Map::new();
    for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
        let extensions = span.extensions();
        let formatted = extensions.get::<FormattedFields<JsonFields>>();
        if let Some(Ok(Value::Object(mut more))) = formatted.map(|formatted| serde_json::from_str(&formatted.fields)) {
            fields.append(&mut more);
        }
    }
    fields
}

struct Line<'a, 'w> {
    writer: &'a mut Writer<'w>,
    begun: bool,
}

impl Line<'_, '_> {
    fn add(&mut self, name: &str, value: &Value) -> fmt::Result {
        let before = if self.begun { ',' } else { '{' };
        self.begun = true;
        write!(self.writer, "{before}{}:{value}", Value::from(name))
    }
}

#[derive(Default)]
struct Fields {
    message: Value,
    fields: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.add(field, text.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}
