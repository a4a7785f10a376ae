//! How much memory this process may have: what its control groups allow, and no more than the machine has.

use std::fs;
use std::path::Path;

/// Bytes of memory that this process may have, as far as the system says; more than there are where it does not.
#[must_use]
pub fn available_bytes() -> usize {
    let available = within(Path::new("/proc"), Path::new("/sys/fs/cgroup"));
    available.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX)
}

fn within(proc: &Path, cgroups: &Path) -> Option<u64> {
    let memberships = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let limits = memberships.lines().filter_map(|line| limit_of(line, cgroups));
    limits.chain(installed(proc)).min()
}

/// The narrowest limit of one line of `/proc/self/cgroup` (`hierarchy:controllers:path`): of the group and all it is in.
fn limit_of(line: &str, cgroups: &Path) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (root, file) = match controllers {
        "" => (cgroups.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|controller| controller == "memory") => {
            (cgroups.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let group = root.join(path.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|group| group.starts_with(&root));
    // "max" is no number, and no limit.
    groups.filter_map(|group| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok()).min()
}

fn installed(proc: &Path) -> Option<u64> {
    let facts = fs::read_to_string(proc.join("meminfo")).ok()?;
    let total = facts.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    #[test]
    fn the_narrowest_limit_counts() {
        let root = tempfile::tempdir().unwrap();
        let (proc, cgroups) = (root.path().join("proc"), root.path().join("cgroup"));
        let found = || within(&proc, &cgroups);
        assert_eq!(found(), None);
        write(root.path(), &[("proc/meminfo", "MemTotal:       4096 kB\nMemFree: 7 kB\n")]);
        assert_eq!(found(), Some(4_194_304));
        write(
            root.path(),
            &[
                ("proc/self/cgroup", "12:cpu,memory:/one/pod\n3:cpuset:/x\n0::/two/unit\n"),
                ("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("cgroup/memory/one/pod/memory.limit_in_bytes", "3000000\n"),
                ("cgroup/two/unit/memory.max", "max\n"),
            ],
        );
        assert_eq!(found(), Some(3_000_000));
        write(root.path(), &[("cgroup/two/memory.max", "2000000\n")]);
        assert_eq!(found(), Some(2_000_000));
        write(root.path(), &[("proc/self/cgroup", "nonsense\n::\n0::/../../..\n")]);
        assert_eq!(found(), Some(4_194_304));
    }

    #[test]
    fn this_machine_has_some() {
        if Path::new("/proc/meminfo").exists() {
            let available = available_bytes();
            assert!(available > 64 << 20 && available < usize::MAX, "{available}");
        }
    }
}
