//! What pods ask of the cluster: CPU and memory, said before it is used.

use std::fmt;
use std::ops::{Add, Mul};

use serde_json::Value;

use crate::text;

/// CPU and memory that pods ask for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Resources {
    /// In thousandths of a core.
    pub cpu_millis: u64,
    /// In bytes.
    pub memory_bytes: u64,
}

impl Resources {
    /// What one pod of a template asks for, as the scheduler counts it: all containers and sidecars together, or an init
    /// container with the sidecars that were started before it, where that is more. A container that asks for nothing but
    /// has a limit asks for its limit. What is no quantity counts as nothing; the server refuses it.
    pub fn of_pod(template: &Value) -> Self {
        let list = |name: &str| {
            template.pointer("/spec").and_then(|spec| spec.get(name)?.as_array()).into_iter().flatten()
        };
        let mut sidecars = Self::default();
        let mut peak = Self::default();
        for container in list("initContainers") {
            let asked = Self::of_container(container);
            if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
                sidecars = sidecars + asked;
            } else {
                peak = peak.max(sidecars + asked);
            }
        }
        let together = list("containers").map(Self::of_container).fold(sidecars, Add::add);
        let overhead = template.pointer("/spec/overhead").map(Self::of_quantities).unwrap_or_default();
        peak.max(together) + overhead
    }

    fn of_container(container: &Value) -> Self {
        let part = |name: &str, resource: &str| {
            let quantity = container.get("resources")?.get(name)?.get(resource)?;
            Some(quantity).filter(|quantity| !quantity.is_null())
        };
        let asked = |resource| part("requests", resource).or_else(|| part("limits", resource));
        Self {
            cpu_millis: asked("cpu").and_then(millis).unwrap_or(0),
            memory_bytes: asked("memory").and_then(millis).map_or(0, |millis| millis.div_ceil(1000)),
        }
    }

    fn of_quantities(quantities: &Value) -> Self {
        Self {
            cpu_millis: quantities.get("cpu").and_then(millis).unwrap_or(0),
            memory_bytes: quantities.get("memory").and_then(millis).map_or(0, |millis| millis.div_ceil(1000)),
        }
    }
    /// What the quotas among `objects` leave; `None` where none limits CPU or memory. What is not limited is
    /// [`u64::MAX`].
    pub fn left_by_quotas(objects: &[Value]) -> Option<Self> {
        let quotas = objects.iter().filter(|object| object["kind"] == "ResourceQuota");
        let mut room: Option<Self> = None;
        for quota in quotas {
            let left = |names: [&str; 2]| {
                let of = |part: &str, name: &str| millis(quota.get("status")?.get(part)?.get(name)?);
                let left = names
                    .iter()
                    .filter_map(|name| Some(of("hard", name)?.saturating_sub(of("used", name).unwrap_or(0))));
                left.min()
            };
            let cpu = left(["cpu", "requests.cpu"]);
            let memory = left(["memory", "requests.memory"]);
            if cpu.is_some() || memory.is_some() {
                let so_far = room.unwrap_or(Self { cpu_millis: u64::MAX, memory_bytes: u64::MAX });
                room = Some(Self {
                    cpu_millis: so_far.cpu_millis.min(cpu.unwrap_or(u64::MAX)),
                    memory_bytes: so_far.memory_bytes.min(memory.map_or(u64::MAX, |memory| memory / 1000)),
                });
            }
        }
        room
    }

    /// The larger of both, each by itself.
    fn max(self, other: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.max(other.cpu_millis),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
        }
    }

    /// Whether this is there within `room`.
    pub fn fits(self, room: Self) -> bool {
        self.cpu_millis <= room.cpu_millis && self.memory_bytes <= room.memory_bytes
    }
}

impl Add for Resources {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_add(other.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }
}

impl Mul<u32> for Resources {
    type Output = Self;

    fn mul(self, pods: u32) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_mul(pods.into()),
            memory_bytes: self.memory_bytes.saturating_mul(pods.into()),
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tenths of a core, rounded up: what is asked for is never said to be less.
        let tenths = self.cpu_millis.div_ceil(100);
        match self.cpu_millis {
            u64::MAX => f.write_str("any CPU")?,
            _ => write!(f, "{}.{} CPU", tenths / 10, tenths % 10)?,
        }
        match self.memory_bytes {
            u64::MAX => f.write_str(", any memory"),
            bytes => write!(f, ", {}", text::bytes(bytes)),
        }
    }
}

/// A quantity of Kubernetes in thousandths, rounded up: `500m`, `1.5`, `1e3`, `2Gi`. The suffixes are those of
/// `k8s.io/apimachinery/pkg/api/resource`.
fn millis(quantity: &Value) -> Option<u64> {
    let text = match quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let exponent = |text: &str| text.parse::<i32>().ok().filter(|_| !text.is_empty());
    let start = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(start);
    let (base, power) = match suffix {
        "" => (10, 0),
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (2, 10),
        "Mi" => (2, 20),
        "Gi" => (2, 30),
        "Ti" => (2, 40),
        "Pi" => (2, 50),
        "Ei" => (2, 60),
        other => (10, exponent(other.strip_prefix(['e', 'E'])?)?),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    // digits · base^power · 10^(3 − fraction), with the powers of ten on one side.
    let tens = 3 - i32::try_from(fraction.len()).ok()? + if base == 10 { power } else { 0 };
    let scale = if base == 2 { 2_u128.checked_pow(power.unsigned_abs())? } else { 1 };
    let scaled = digits.checked_mul(scale)?;
    let tens_scale = 10_u128.checked_pow(tens.unsigned_abs());
    let millis = match tens_scale {
        Some(tens_scale) if tens >= 0 => scaled.checked_mul(tens_scale)?,
        Some(tens_scale) => scaled.div_ceil(tens_scale),
        None if tens < 0 => u128::from(scaled > 0),
        None => return None,
    };
    u64::try_from(millis).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (quantity, expected) in [
            (json!("1"), Some(1000)),
            (json!(1), Some(1000)),
            (json!(0.5), Some(500)),
            (json!("500m"), Some(500)),
            (json!("0.1"), Some(100)),
            (json!("1.5"), Some(1500)),
            (json!("100u"), Some(1)),
            (json!("1n"), Some(1)),
            (json!("0n"), Some(0)),
            (json!("1e3"), Some(1_000_000)),
            (json!("1E3"), Some(1_000_000)),
            (json!("12e-1"), Some(1200)),
            (json!("1e-99"), Some(1)),
            (json!("1e99"), None),
            (json!("1E"), Some(1_000_000_000_000_000_000_000_u128).and_then(|n| u64::try_from(n).ok())),
            (json!("2Ki"), Some(2_048_000)),
            (json!("1Gi"), Some(1_073_741_824_000)),
            (json!("0.5Mi"), Some(524_288_000)),
            (json!("3G"), Some(3_000_000_000_000)),
            (json!("1KB"), None),
            (json!("x"), None),
            (json!(""), None),
            (json!("-1"), None),
            (json!(true), None),
        ] {
            assert_eq!(millis(&quantity), expected, "{quantity}");
        }
    }

    #[test]
    fn a_pod_asks_for_what_the_scheduler_counts() {
        let container =
            |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
        let mut sidecar = container("100m", "10Mi");
        sidecar["restartPolicy"] = json!("Always");
        let pod = |init: Value, containers: Value| {
            let pod = Resources::of_pod(&json!({"spec": {"initContainers": init, "containers": containers}}));
            (pod.cpu_millis, pod.memory_bytes >> 20)
        };
        let two = json!([container("500m", "1Gi"), container("250m", "24Mi")]);
        assert_eq!(pod(json!([]), two.clone()), (750, 1048));
        assert_eq!(pod(json!([container("2", "8Mi")]), two.clone()), (2000, 1048), "each by itself");
        assert_eq!(pod(json!([sidecar, container("2", "8Mi")]), two), (2100, 1058), "sidecars stay");
        let limits = json!([{"resources": {"limits": {"cpu": "1"}}}, {}, {"resources": null}]);
        assert_eq!(pod(json!(null), limits), (1000, 0));
        assert_eq!(Resources { cpu_millis: 1501, memory_bytes: 3 << 29 }.to_string(), "1.6 CPU, 1.5 GiB");
    }
}
