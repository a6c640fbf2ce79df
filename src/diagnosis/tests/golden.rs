//! Every number that is made of the golden evidence, as native has it: `tests/lab.test.mjs` has the same bits of wasm.
//!
//! `HAGGLE_BLESS=1 cargo test --lib diagnosis` writes them anew. A name is the number's path in what `www/lab.js` gives;
//! null is NaN.

use super::golden;
use crate::Prior;
use crate::diagnosis::{ArmSeries, Share};
use crate::inference::Course;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/diagnosis.json");

/// Lines of a path and its numbers.
#[derive(Default)]
struct Written(Vec<String>);

impl Written {
    fn column(&mut self, path: &str, numbers: &[f64]) {
        let numbers = serde_json::to_string(numbers).unwrap();
        self.0.push(format!("\"{path}\":{numbers}"));
    }

    fn number(&mut self, path: &str, number: f64) {
        self.column(path, &[number]);
    }

    fn band(&mut self, path: &str, band: &Course) {
        self.column(&format!("{path}.value"), &band.value);
        self.column(&format!("{path}.low"), &band.low);
        self.column(&format!("{path}.high"), &band.high);
    }

    fn line(&mut self, path: &str, line: &ArmSeries) {
        self.band(path, &line.value);
        self.column(&format!("{path}.exposures"), &line.exposures);
        self.column(&format!("{path}.orders"), &line.orders);
    }

    fn shares(&mut self, path: &str, shares: &[Share]) {
        shares.iter().enumerate().for_each(|(at, one)| self.number(&format!("{path}.{at}.share"), one.share));
    }
}

fn written() -> String {
    let (evidence, mut to) = (golden(), Written::default());
    let series = evidence.series().unwrap();
    to.column("series().at_ms", &series.at_ms);
    for (at, arm) in series.arms.iter().enumerate() {
        to.column(&format!("series().arms.{at}.share"), &arm.share);
        to.line(&format!("series().arms.{at}"), arm);
    }
    to.line("series().holdout", &series.holdout);
    to.band("series().gain_to_holdout", &series.gain_to_holdout);
    to.band("series().gain_to_equal", &series.gain_to_equal);
    let demand = evidence.demand().unwrap();
    for (at, point) in demand.points.iter().enumerate() {
        to.number(&format!("demand().points.{at}.rate"), point.rate);
        to.number(&format!("demand().points.{at}.low"), point.at_any_look.low);
        to.number(&format!("demand().points.{at}.high"), point.at_any_look.high);
    }
    let curve = demand.curve.unwrap();
    to.column("demand().curve.price_minor", &curve.price_minor);
    to.column("demand().curve.rate", &curve.rate);
    to.column("demand().curve.low", &curve.low);
    to.column("demand().curve.high", &curve.high);
    to.number("demand().curve.fit", curve.fit);
    for (call, prior) in [("densities()", None), ("densities(2,30)", Some(Prior::new(2.0, 30.0).unwrap()))] {
        let densities = evidence.densities(prior).unwrap().unwrap();
        to.column(&format!("{call}.x"), &densities.x);
        to.column(&format!("{call}.prior"), &densities.prior_density);
        for (at, arm) in densities.arms.iter().enumerate() {
            to.column(&format!("{call}.arms.{at}.density"), &arm.density);
            to.number(&format!("{call}.arms.{at}.mean"), arm.mean);
            to.number(&format!("{call}.arms.{at}.p_best"), arm.p_best.unwrap());
        }
    }
    let why = evidence.why(None).unwrap().unwrap();
    for (at, arm) in why.arms.iter().enumerate() {
        to.number(&format!("why().arms.{at}.asked"), arm.asked);
        to.number(&format!("why().arms.{at}.share"), arm.share);
        to.number(&format!("why().one_more_day.shares.{at}.share"), why.one_more_day.shares[at]);
    }
    to.number("why().one_more_day.exposures", why.one_more_day.exposures);
    to.number("why().one_more_day.orders", why.one_more_day.orders);
    to.number("why().one_more_day.p_best_leader", why.one_more_day.p_best_leader);
    rest(&mut to);
    format!("{{\n{}\n}}\n", to.0.join(",\n"))
}

fn rest(to: &mut Written) {
    let evidence = golden();
    let delays = evidence.delays();
    to.column("delays().share_by", &delays.share_by);
    to.column("delays().counts", &delays.counts);
    to.number("delays().mean_h", delays.mean_h);
    to.number("delays().pending", delays.pending);
    for (at, arm) in delays.arms.iter().enumerate() {
        to.number(&format!("delays().correction.{at}.effective"), arm.effective);
    }
    for (at, arm) in evidence.stability().arms.iter().enumerate() {
        to.column(&format!("stability().arms.{at}.rate"), &arm.rate);
        to.column(&format!("stability().arms.{at}.low"), &arm.low);
        to.number(&format!("stability().arms.{at}.drift.p_value"), arm.p_value.unwrap());
    }
    let propensities = evidence.propensities().unwrap().unwrap();
    to.number("propensities().e_value", propensities.ratio.e_value());
    for (at, cell) in propensities.cells.iter().enumerate() {
        to.number(&format!("propensities().arms.{at}.served"), cell.served);
        to.number(&format!("propensities().arms.{at}.planned"), cell.planned);
    }
    for (at, of) in evidence.off_policy().unwrap().iter().enumerate() {
        to.number(&format!("off_policy().{at}.ess"), of.size);
    }
    let regret = evidence.regret().unwrap().unwrap();
    to.column("regret().value", &regret.value);
    to.column("regret().low", &regret.low);
    to.column("regret().high", &regret.high);
    let calibration = evidence.calibration().unwrap();
    to.number("calibration().held", calibration.held as f64);
    to.number("calibration().p_value", calibration.p_value.unwrap());
    for (at, of) in calibration.predictions.iter().enumerate() {
        to.number(&format!("calibration().predictions.{at}.predicted"), of.predicted);
        to.number(&format!("calibration().predictions.{at}.high"), of.high);
        to.number(&format!("calibration().predictions.{at}.observed"), of.observed);
    }
    let next = evidence.next("pause-arm", r#"{"arm":"low"}"#).unwrap();
    to.shares("next(pause-arm,low).before", &next.before);
    to.shares("next(pause-arm,low).after", &next.after);
}

#[test]
fn every_number_is_the_golden_one() {
    let now = written();
    if std::env::var_os("HAGGLE_BLESS").is_some() {
        std::fs::write(GOLDEN, &now).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    for (is, was) in now.lines().zip(golden.lines()) {
        assert_eq!(is, was, "left is this build, right the golden file");
    }
    assert_eq!(now.len(), golden.len());
}
