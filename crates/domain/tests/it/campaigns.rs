//! The whole table of a campaign's moves.

use paceline_domain::{CampaignMove, CampaignState, MoveRefused};

#[test]
fn these_moves_and_no_others_are_lawful() {
    use CampaignMove as M;
    use CampaignState as S;
    let lawful = [
        (S::Draft, M::Start, S::Running),
        (S::Draft, M::Schedule, S::Scheduled),
        (S::Draft, M::Cancel, S::Cancelled),
        (S::Scheduled, M::Start, S::Running),
        (S::Scheduled, M::Cancel, S::Cancelled),
        (S::Running, M::Pause, S::Paused),
        (S::Running, M::Cancel, S::Cancelled),
        (S::Running, M::Complete, S::Completed),
        (S::Paused, M::Resume, S::Running),
        (S::Paused, M::Cancel, S::Cancelled),
        (S::Completed, M::Reopen, S::Running),
    ];
    for &state in S::ALL {
        for &attempted in M::ALL {
            let expected = lawful
                .iter()
                .find(|(from, happened, _)| (*from, *happened) == (state, attempted))
                .map_or(Err(MoveRefused { state, attempted }), |(.., to)| Ok(*to));
            assert_eq!(state.after(attempted), expected, "{attempted} a campaign that is {state}");
        }
    }
}

#[test]
fn nothing_but_a_resend_takes_an_ended_campaign_back() {
    for &state in CampaignState::ALL {
        let mut others = CampaignMove::ALL.iter().filter(|&&attempted| attempted != CampaignMove::Reopen);
        let stuck = others.all(|&attempted| state.after(attempted).is_err());
        assert_eq!(stuck, state.has_ended(), "{state}");
    }
}

#[test]
fn a_refusal_names_the_state_and_the_wish() {
    let refused = CampaignState::Cancelled.after(CampaignMove::Resume).expect_err("cancelled is final");
    assert_eq!(refused.to_string(), "cannot resume a campaign that is cancelled");
}
