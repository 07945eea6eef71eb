//! Services that refuse us: wrong user, password, virtual host, encryption, or only one of the two.

use paceline_e2e::{Audience, Deployment, Installation, ScenarioResult};
use reqwest::Url;

use super::{check_says, drill, printed, said, says, unready};
use crate::bounds::{CAMPAIGN, COMMAND, SOON};

/// A password that is wrong, and must not be read anywhere.
const PASSWORD: &str = "open-sesame-4711";

fn changed(url: &Url, change: impl FnOnce(&mut Url) -> Result<(), ()>) -> String {
    let mut url = url.clone();
    change(&mut url).expect("the URL of a service can be changed");
    url.to_string()
}

#[tokio::test]
async fn a_broker_that_refuses_is_named_with_the_cure_and_the_backlog_stays_in_the_database() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    deployment.must_not_be_logged([PASSWORD.to_owned()]);
    let right = deployment.broker.url().clone();
    let encrypted = right.as_str().replacen("amqp://", "amqps://", 1);
    let wrong = [
        (changed(&right, |url| url.set_password(Some(PASSWORD))), "password"),
        (
            changed(&right, |url| {
                url.set_path("/nowhere");
                Ok(())
            }),
            "virtual host",
        ),
        (encrypted, "certificate"),
    ];
    let audience = Audience::ordinary(22, 40);
    let mut campaign = None;
    for (url, cure) in wrong {
        deployment.installation.set("AMQP_URL", &url);
        let server = deployment.serve().await?;
        let worker = deployment.start(&["worker", "--slots", "4"]).await?;
        for process in [&server, &worker] {
            unready(process, "broker", SOON).await?;
            let line = says(process, "the broker is away", SOON).await?;
            assert!(line["cure"].as_str().is_some_and(|said| said.contains(cure)), "{cure}: {line}");
            assert!(line["broker"].as_str().is_some_and(|shown| shown.contains("@127.0.0.2:")), "{line}");
            assert_eq!(said(process, "the broker is away")?.len(), 1);
        }
        // The API goes on, and what is started waits.
        if campaign.is_none() {
            deployment.add_senders(2, "drill").await?;
            campaign = Some(deployment.submit(&audience).await?);
        }
        assert_eq!(deployment.api.get("/v1/campaigns").await?.status, 200);
        let findings = check_says(&deployment, "broker").await?;
        assert!(findings.contains(cure), "{cure}: {findings}");
        let shown = deployment.installation.run(&["check"], COMMAND).await?;
        assert!(!printed(&shown).contains(PASSWORD), "check shows a password");
        for process in [worker, server] {
            process.stop().await?;
        }
    }
    let campaign = campaign.expect("it was started");
    assert_eq!(deployment.network.summary().await?.physical_sends, 0);

    deployment.installation.set("AMQP_URL", right.as_str());
    let server = deployment.serve().await?;
    let account = deployment.progress(&campaign).await?["account"].clone();
    assert_eq!(account["balanced"], true, "{account}");
    let worker = deployment.start(&["worker", "--slots", "4"]).await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    deployment.finish([worker, server]).await
}

#[tokio::test]
async fn a_database_that_refuses_ends_the_start_with_the_reason() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let right = deployment.database.url().clone();
    let stranger = changed(&right, |url| {
        url.set_username("paceline_nobody")?;
        url.set_password(Some(PASSWORD))
    });
    let elsewhere = changed(&right, |url| {
        url.set_path("/paceline_nowhere");
        url.set_password(Some(right.password().unwrap_or_default()))
    });
    for (url, reason) in [(stranger, "user or its password"), (elsewhere, "no such database")] {
        deployment.installation.set("DATABASE_URL", &url);
        for arguments in
            [&["serve"][..], &["worker", "--slots", "1"], &["fleet", "--listen", "127.0.0.1:0"], &["migrate"]]
        {
            let output = deployment.installation.run(arguments, COMMAND).await?;
            let told = printed(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
            assert!(told.contains(reason) && told.contains(&deployment.database.address()), "{arguments:?}: {told}");
            assert!(!told.contains(PASSWORD), "{arguments:?} shows a password");
        }
        let findings = check_says(&deployment, "database").await?;
        assert!(findings.contains(reason) && !findings.contains(PASSWORD), "{findings}");
    }
    deployment.installation.set("DATABASE_URL", right.as_str());
    let server = deployment.serve().await?;
    deployment.finish([server]).await
}

#[tokio::test]
async fn a_database_that_does_not_encrypt_is_not_talked_to_in_the_open_when_that_is_asked() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    // A certificate of its name no server has, and most have none.
    let strict = changed(&deployment.database.url().clone(), |url| {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
        Ok(())
    });
    let right = deployment.database.url().to_string();
    deployment.installation.set("DATABASE_URL", &strict);
    let output = deployment.installation.run(&["serve"], COMMAND).await?;
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert!(printed(&output).contains("sslmode"), "{}", printed(&output));
    deployment.installation.set("DATABASE_URL", &right);
    let server = deployment.serve().await?;
    deployment.finish([server]).await
}

#[tokio::test]
async fn one_service_without_the_other_is_refused_with_the_reason() -> ScenarioResult<()> {
    let urls = [
        ("DATABASE_URL", format!("postgres://paceline:{PASSWORD}@127.0.0.1:1/paceline"), "AMQP_URL"),
        ("AMQP_URL", format!("amqp://paceline:{PASSWORD}@127.0.0.1:1/"), "DATABASE_URL"),
    ];
    for (set, url, missing) in urls {
        let installation = Installation::new()?.with(set, &url);
        for command in ["up", "serve", "worker", "fleet", "migrate"] {
            let output = installation.run(&[command], COMMAND).await?;
            let told = printed(&output);
            assert_eq!(output.status.code(), Some(3), "{command} with {set}: {told}");
            assert!(told.contains(&format!("{set} is set and {missing} is not")), "{command}: {told}");
            assert!(!told.contains(PASSWORD), "{command} shows a password");
        }
        let checked = installation.run(&["check"], COMMAND).await?;
        assert_eq!(checked.status.code(), Some(1), "{}", printed(&checked));
        assert!(printed(&checked).contains(missing) && !printed(&checked).contains(PASSWORD), "{}", printed(&checked));
        assert!(!installation.data_dir().exists(), "nothing was made");
    }
    Ok(())
}
