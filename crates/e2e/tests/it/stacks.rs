//! One source, two tests: every scenario that is listed runs on the embedded stack and on the full one.

/// Makes the tests `embedded::<scenario>` and `full::<scenario>` of functions that take the stack. The compiler tells a scenario
/// that is not listed, for nobody calls it.
macro_rules! on_both_stacks {
    ($($scenario:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test]
            async fn $scenario() -> paceline_e2e::ScenarioResult<()> {
                super::$scenario(paceline_e2e::Stack::Embedded).await
            })+
        }

        mod full {
            $(#[tokio::test]
            async fn $scenario() -> paceline_e2e::ScenarioResult<()> {
                super::$scenario(paceline_e2e::Stack::Full).await
            })+
        }
    };
}

pub(crate) use on_both_stacks;
