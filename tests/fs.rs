//! Files and folders, on both drivers.
#![cfg(all(feature = "fs", feature = "uring"))]

mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use barecoro::fs::{self, Dir, File, OpenOptions, Permissions, Resolve};
use barecoro::io::SeekFrom;
use barecoro::time::{Duration, SystemTime, UNIX_EPOCH};
use barecoro::{Errno, Runtime, task};
use support::{in_child, on_both_drivers};

/// A folder that is gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("barecoro-fs-{name}-{}", std::process::id()));
        let _old = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn what_is_written_is_read() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("written");
    let path = folder.path("file");
    on_both_drivers(&R, || {
        let file = File::options().read(true).write(true).create(true).open(&*path).unwrap();
        file.set_len(0).unwrap();
        file.write_all(b"hello, world").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"hello, world");
        let mut buffer = [0; 16];
        assert_eq!(file.read(&mut buffer), Ok(0), "the position is at the end");
        assert_eq!(file.seek(SeekFrom::Start(7)), Ok(7));
        assert_eq!(file.read(&mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"world");
        assert_eq!(file.seek(SeekFrom::Current(-12)), Ok(0));
        assert_eq!(file.seek(SeekFrom::Current(-1)).unwrap_err().errno(), Errno::INVAL);
        assert_eq!(file.seek(SeekFrom::End(-2)), Ok(10));

        assert_eq!(file.write_at(b"HE", 0), Ok(2));
        assert_eq!(file.read_at(&mut buffer[..5], 0), Ok(5));
        assert_eq!(&buffer[..5], b"HEllo");
        assert_eq!(file.seek(SeekFrom::Current(0)), Ok(10), "places leave the position alone");
        file.write_all_at(b"!!", 14).unwrap();
        file.read_exact_at(&mut buffer, 0).unwrap();
        assert_eq!(&buffer, b"HEllo, world\0\0!!");
        let error = file.read_exact_at(&mut buffer, 1).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NODATA, "read"));
        assert_eq!(file.read_at(&mut buffer, u64::MAX).unwrap_err().errno(), Errno::INVAL);

        file.set_len(4).unwrap();
        file.sync_all().unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.metadata().unwrap().len(), 4);
        assert_eq!(file.cached_metadata().unwrap().len(), 4);
        let other = file.try_clone().unwrap();
        drop(file);
        assert_eq!(other.seek(SeekFrom::Start(2)), Ok(2));
        assert_eq!(other.read_to_end(&mut buffer), Ok(2));
        assert_eq!(&buffer[..2], b"ll");
    });
}

#[test]
fn whole_files() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("whole");
    let (path, copy) = (folder.path("file"), folder.path("copy"));
    let large = (0..100_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>();
    on_both_drivers(&R, || {
        let mut buffer = [0; 16];
        fs::write(&*path, "grüße\n".as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&*path, &mut buffer).unwrap(), "grüße\n");
        assert_eq!(fs::read(&*path, &mut buffer[..8]).unwrap(), "grüße\n".as_bytes());
        assert_eq!(fs::read(&*path, &mut buffer[..7]).unwrap_err().errno(), Errno::FBIG);
        fs::write(&*path, b"\xff").unwrap();
        assert_eq!(fs::read_to_string(&*path, &mut buffer).unwrap_err().errno(), Errno::ILSEQ);
        fs::write(&*path, b"").unwrap();
        assert_eq!(fs::read(&*path, &mut []).unwrap(), b"");

        fs::write(&*path, &large).unwrap();
        fs::set_permissions(&*path, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(fs::copy(&*path, &*copy), Ok(100_000));
        assert!(std::fs::read(&copy).unwrap() == large);
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o640);
    });
}

#[test]
fn options_are_as_in_std() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("options");
    let path = folder.path("file");
    on_both_drivers(&R, || {
        let error = File::open(&*path).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NOENT, "open"));
        assert_eq!(OpenOptions::new().open(&*path).unwrap_err().errno(), Errno::INVAL);

        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&*path);
        file.unwrap().write_all(b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(File::create_new(&*path).unwrap_err().errno(), Errno::EXIST);

        let log = OpenOptions::new().append(true).open(&*path).unwrap();
        log.seek(SeekFrom::Start(0)).unwrap();
        log.write_all(b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
        assert_eq!(log.read(&mut [0; 4]).unwrap_err().errno(), Errno::BADF);
        assert_eq!(File::open(&*path).unwrap().write(b"x").unwrap_err().errno(), Errno::BADF);

        drop(File::create(&*path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::remove_file(&path).unwrap();
    });
}

/// The driver opens with `O_NONBLOCK`, of which nothing is left.
#[test]
fn an_open_file_is_set_to_wait() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("flags");
    let path = folder.path("file");
    on_both_drivers(&R, || {
        use barecoro::fd::AsRawFd as _;
        let file = OpenOptions::new().append(true).create(true).open(&*path).unwrap();
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let text = text.unwrap();
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert_eq!(flags & 0o4000, 0, "O_NONBLOCK is not set in {flags:o}");
        assert_eq!(flags & 0o2000, 0o2000, "O_APPEND is set in {flags:o}");
        assert_eq!(flags & 0o2_000_000, 0o2_000_000, "O_CLOEXEC is set in {flags:o}");
    });
}

#[test]
fn paths_of_any_kind() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("paths");
    on_both_drivers(&R, || {
        assert!(fs::exists("/proc/self").unwrap());
        assert!(fs::exists(b"/proc/self").unwrap());
        assert!(fs::exists(c"/proc/self").unwrap());
        assert!(fs::exists(&b"/proc/self"[..]).unwrap());
        assert!(!fs::exists("/proc/no such file").unwrap());
        assert_eq!(fs::exists("/proc/version/no folder").unwrap_err().errno(), Errno::NOTDIR);

        for bad in ["/proc\0", "\0", "a\0b"] {
            let error = File::open(bad).unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::INVAL, "open"));
        }
        for none in [fs::metadata(""), fs::metadata(c""), fs::symlink_metadata("")] {
            assert_eq!(none.unwrap_err().errno(), Errno::NOENT);
        }
        assert_eq!(File::open("").unwrap_err().errno(), Errno::NOENT);
        let long = "/".repeat(5000);
        let error = fs::metadata(&*long).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NAMETOOLONG, "statx"));
        assert!(fs::metadata(&long[..4095]).unwrap().is_dir());
        assert_eq!(File::open(&*"x".repeat(256)).unwrap_err().errno(), Errno::NAMETOOLONG);

        // Longer than what is copied to the caller's frame.
        let deep = folder.path(&format!("{0}/{0}/{0}", "x".repeat(200)));
        fs::create_dir_all(&*deep).unwrap();
        fs::create_dir_all(&*deep).unwrap();
        fs::write(&*format!("{deep}/file"), b"deep").unwrap();
        assert_eq!(fs::read(&*format!("{deep}/file"), &mut [0; 8]).unwrap(), b"deep");
        assert_eq!(
            fs::create_dir_all(&*format!("{deep}/file/more")).unwrap_err().errno(),
            Errno::EXIST,
        );
    });
}

fn ours_of(time: std::time::SystemTime) -> SystemTime {
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => UNIX_EPOCH + after,
        Err(before) => UNIX_EPOCH - before.duration(),
    }
}

#[test]
fn metadata_is_the_kernels() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("metadata");
    let (path, link) = (folder.path("file"), folder.path("link"));
    std::fs::write(&path, b"12345").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    on_both_drivers(&R, || {
        let stds = std::fs::metadata(&path).unwrap();
        let file = File::open(&*path).unwrap();
        let cached = file.cached_metadata().unwrap();
        for ours in [fs::metadata(&*link).unwrap(), file.metadata().unwrap(), cached] {
            assert!(ours.is_file() && !ours.is_dir() && !ours.is_symlink());
            assert_eq!(ours.len(), 5);
            assert_eq!((ours.ino(), u64::from(ours.nlink())), (stds.ino(), stds.nlink()));
            assert_eq!((ours.uid(), ours.gid()), (stds.uid(), stds.gid()));
            assert_eq!((ours.mode(), ours.blocks()), (stds.mode(), stds.blocks()));
            for (ours, stds) in [
                (Some(ours.modified()), stds.modified()),
                (Some(ours.accessed()), stds.accessed()),
                (ours.created(), stds.created()),
            ] {
                assert_eq!(ours, stds.ok().map(ours_of));
            }
            assert_eq!(ours.permissions().mode(), stds.mode() & 0o7777);
            assert!(!ours.permissions().readonly());
        }
        let before_1970 = std::time::UNIX_EPOCH - Duration::from_millis(1500);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(before_1970)
            .unwrap();
        assert_eq!(file.metadata().unwrap().modified(), UNIX_EPOCH - Duration::from_millis(1500));
        assert!(fs::symlink_metadata(&*link).unwrap().is_symlink());
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert_eq!(fs::metadata("/dev/null").unwrap().rdev(), (1, 3));

        fs::set_permissions(&*path, Permissions::from_mode(0o400)).unwrap();
        assert!(file.metadata().unwrap().permissions().readonly());
        file.set_permissions(Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.metadata().unwrap().permissions(), Permissions::from_mode(0o644));
    });
}

#[test]
fn names_are_made_and_removed() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("names");
    let (a, b, c) = (folder.path("a"), folder.path("b"), folder.path("c"));
    on_both_drivers(&R, || {
        fs::create_dir(&*a).unwrap();
        let error = fs::create_dir(&*a).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::EXIST, "mkdir"));
        fs::rename(&*a, &*b).unwrap();
        let error = fs::rename(&*a, &*b).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NOENT, "rename"));
        fs::write(&*format!("{b}/file"), b"x").unwrap();
        let error = fs::remove_dir(&*b).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NOTEMPTY, "unlink"));
        assert!(fs::remove_file(&*b).is_err());

        fs::hard_link(&*format!("{b}/file"), &*c).unwrap();
        assert_eq!(fs::metadata(&*c).unwrap().nlink(), 2);
        let error = fs::hard_link(&*format!("{b}/file"), &*c).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::EXIST, "link"));
        fs::remove_file(&*c).unwrap();
        fs::symlink("b/file", &*c).unwrap();
        let mut buffer = [0; 7];
        assert_eq!(fs::read_link(&*c, &mut buffer).unwrap(), b"b/file");
        assert_eq!(fs::read_link(&*c, &mut buffer[..6]).unwrap_err().errno(), Errno::NAMETOOLONG,);
        assert_eq!(fs::read(&*c, &mut buffer).unwrap(), b"x");
        for file in [format!("{b}/file"), c.clone()] {
            fs::remove_file(&*file).unwrap();
        }
        fs::remove_dir(&*b).unwrap();
    });
}

#[test]
fn a_folder_is_listed() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("listed");
    for number in 0..300 {
        let name = format!("{number:03}{}", "x".repeat(number % 250));
        std::fs::write(folder.path(&name), b"").unwrap();
    }
    std::fs::create_dir(folder.path("sub")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path("link")).unwrap();
    std::fs::write(folder.path(&"y".repeat(255)), b"").unwrap();
    let mut expected = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino())
        })
        .collect::<Vec<_>>();
    expected.sort();
    assert_eq!(expected.len(), 303);
    on_both_drivers(&R, || {
        let mut found = fs::read_dir(folder.0.to_str().unwrap())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().to_str().unwrap().to_owned();
                assert_eq!(entry.file_type().is_dir(), name == "sub");
                assert_eq!(entry.file_type().is_symlink(), name == "link");
                assert_eq!(entry.file_type().is_file(), name != "sub" && name != "link");
                (name, entry.ino())
            })
            .collect::<Vec<_>>();
        found.sort();
        assert_eq!(found, expected);

        let open = Dir::open(folder.0.to_str().unwrap()).unwrap();
        assert_eq!(open.read_dir().unwrap().count(), 303);
        assert_eq!(open.read_dir().unwrap().count(), 303);
        assert_eq!(open.open_dir("sub").unwrap().read_dir().unwrap().count(), 0);
        assert!(open.symlink_metadata("link").unwrap().is_symlink());
        assert_eq!(open.metadata("link").unwrap_err().errno(), Errno::NOENT);
        assert_eq!(fs::read_dir("/dev/null").unwrap_err().errno(), Errno::NOTDIR);

        // One that was removed meanwhile is empty.
        let gone = folder.path("gone");
        fs::create_dir(&*gone).unwrap();
        let list = fs::read_dir(&*gone).unwrap();
        fs::remove_dir(&*gone).unwrap();
        assert!(list.last().is_none_or(|entry| entry.unwrap_err().errno() == Errno::NOENT));
    });
}

#[test]
fn a_path_does_not_lead_out_of_a_folder() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("beneath");
    std::fs::create_dir_all(folder.path("root/sub")).unwrap();
    std::fs::write(folder.path("secret"), b"secret").unwrap();
    std::fs::write(folder.path("root/secret"), b"harmless").unwrap();
    std::fs::write(folder.path("root/page"), b"page").unwrap();
    let link = |to, name| std::os::unix::fs::symlink(to, folder.path(name)).unwrap();
    link("../page".to_owned(), "root/sub/inside");
    link("../../secret".to_owned(), "root/sub/outside");
    link(folder.path("secret"), "root/absolute");
    on_both_drivers(&R, || {
        let root = Dir::open(&*folder.path("root")).unwrap();
        let read = |path: &str, resolve| {
            let mut options = OpenOptions::new();
            let file = root.open_file_with(path, options.read(true).resolve(resolve))?;
            let mut buffer = [0; 16];
            let count = file.read_to_end(&mut buffer)?;
            Ok::<_, Errno>(String::from_utf8(buffer[..count].to_vec()).unwrap())
        };
        for path in ["page", "./page", "sub/../page", "sub/inside", "sub//.././page"] {
            assert_eq!(read(path, Resolve::empty()).as_deref(), Ok("page"), "{path}");
        }
        let climbing =
            ["..", "../secret", "sub/../../secret", "sub/outside", "absolute", "/etc/passwd"];
        for path in climbing {
            assert_eq!(read(path, Resolve::empty()), Err(Errno::XDEV), "{path}");
            assert_eq!(root.open_dir(path).unwrap_err().errno(), Errno::XDEV, "{path}");
        }
        for path in ["../secret", "/secret", "sub/../../secret", "sub/outside"] {
            assert_eq!(read(path, Resolve::IN_ROOT).as_deref(), Ok("harmless"), "{path}");
        }
        assert_eq!(read("sub/inside", Resolve::NO_SYMLINKS), Err(Errno::LOOP));
        assert_eq!(read("nowhere", Resolve::empty()), Err(Errno::NOENT));
        assert_eq!(read("sub", Resolve::empty()), Err(Errno::ISDIR));

        let new = root.open_file_with("sub/new", OpenOptions::new().write(true).create(true));
        new.unwrap().write_all(b"new").unwrap();
        assert_eq!(read("sub/new", Resolve::empty()).as_deref(), Ok("new"));
    });
}

#[test]
fn many_tasks_share_files() {
    static R: Runtime<65> = Runtime::new();
    let folder = Folder::new("many");
    on_both_drivers(&R, || {
        let shared = File::create(&*folder.path("shared")).unwrap();
        task::scope(|s| {
            for number in 0..64_u8 {
                let (folder, shared) = (&folder, &shared);
                s.spawn(move || {
                    let path = folder.path(&format!("{number}"));
                    fs::write(&*path, &[number; 5000])?;
                    let mut buffer = [0; 5001];
                    assert_eq!(fs::read(&*path, &mut buffer)?, [number; 5000]);
                    shared.write_all_at(&[number; 100], u64::from(number) * 100)?;
                    assert_eq!(fs::metadata(&*path)?.len(), 5000);
                    fs::remove_file(&*path)
                })
                .unwrap();
            }
            Ok::<_, barecoro::io::Error>(())
        })
        .unwrap();
        let expected = (0..64).flat_map(|number| [number; 100]).collect::<Vec<u8>>();
        assert!(std::fs::read(folder.path("shared")).unwrap() == expected);
    });
}

/// With a task's deadline far in the past, or cancelled, nothing is begun.
#[test]
fn a_cancelled_task_opens_nothing() {
    static R: Runtime<2> = Runtime::new();
    let folder = Folder::new("cancelled");
    let path = folder.path("file");
    on_both_drivers(&R, || {
        let (path, check) = (path.clone(), path.clone());
        let other = task::spawn(move || {
            let _parked = barecoro::time::sleep(Duration::from_secs(100));
            fs::write(&*path, b"x")
        })
        .unwrap();
        task::yield_now();
        other.cancel();
        assert_eq!(other.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
        assert!(!std::path::Path::new(&check).exists());
    });
}

#[test]
fn a_full_device_is_an_error() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"x").unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NOSPC, "write"));
        assert_eq!(error.to_string(), "write: no space left on device (ENOSPC)");
    });
}

/// A small file system fills up in the middle of a write: that is short, the next one fails.
#[test]
fn a_full_file_system_takes_what_fits() {
    let folder = std::env::temp_dir().join("barecoro-fs-full");
    let path = folder.to_str().unwrap();
    // In a child, as a failure ends the process.
    let in_child = in_child("a_full_file_system_takes_what_fits", || {
        static R: Runtime<1> = Runtime::new();
        std::fs::create_dir_all(path).unwrap();
        let flags = fs::MountFlags::NOEXEC | fs::MountFlags::NOSUID;
        match fs::mount("tmpfs", path, "tmpfs", flags, "size=16k") {
            Err(error) if error.errno() == Errno::PERM => {
                assert!(std::env::var_os("CI").is_none(), "CI may mount");
                eprintln!("SKIPPED: only root may mount");
                return;
            }
            mounted => mounted.unwrap(),
        }
        on_both_drivers(&R, || {
            let file = File::create(&*format!("{path}/file")).unwrap();
            assert_eq!(file.write(&[1; 20_000]), Ok(16_384));
            assert_eq!(file.seek(SeekFrom::Current(0)), Ok(16_384));
            let error = file.write(&[1; 10]).unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::NOSPC, "write"));
            let error = fs::unmount(path, fs::UnmountFlags::empty()).unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::BUSY, "umount"));
            drop(file);
            fs::remove_file(&*format!("{path}/file")).unwrap();
        });
    });
    eprintln!("{in_child:?}");
    let _unmounted = fs::unmount(path, fs::UnmountFlags::DETACH);
    let error = fs::unmount(path, fs::UnmountFlags::empty()).unwrap_err();
    assert!(matches!(error.errno(), Errno::INVAL | Errno::PERM), "{error}");
    let _removed = std::fs::remove_dir(path);
    in_child.well();
}

#[test]
fn no_descriptor_is_left_open() {
    in_child("no_descriptor_is_left_open", || {
        static R: Runtime<9> = Runtime::new();
        let folder = Folder::new("descriptors");
        let before = descriptors();
        on_both_drivers(&R, || {
            fs::write(&*folder.path("file"), b"x").unwrap();
            let inside = descriptors();
            for _ in 0..3 {
                let file = File::open(&*folder.path("file")).unwrap();
                drop(file.try_clone().unwrap());
                drop(file);
                let _none = File::open(&*folder.path("none")).unwrap_err();
                fs::read_dir("/proc").unwrap().take(3).for_each(drop);
                let open = Dir::open("/proc").unwrap();
                drop(open.open_file("version").unwrap());
                drop(open.read_dir().unwrap());
                let _outside = open.open_file("/").unwrap_err();
            }
            assert_eq!(descriptors(), inside);
        });
        assert_eq!(descriptors(), before);
    })
    .well();
}

#[test]
fn without_descriptors_opening_fails_and_nothing_else() {
    in_child("without_descriptors_opening_fails_and_nothing_else", || {
        static R: Runtime<1> = Runtime::new();
        let folder = Folder::new("mfile");
        on_both_drivers(&R, || {
            let file = File::create(&*folder.path("file")).unwrap();
            let mut taken = Vec::new();
            let error = loop {
                match file.try_clone() {
                    Ok(clone) => taken.push(clone),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.errno(), Errno::MFILE);
            assert_eq!(File::open("/dev/null").unwrap_err().errno(), Errno::MFILE);
            assert_eq!(fs::read_dir("/").unwrap_err().errno(), Errno::MFILE);
            assert_eq!(barecoro::io::pipe().unwrap_err().call(), "pipe");
            assert!(fs::metadata("/dev/null").is_ok());
            assert!(file.write_all(b"still").is_ok());
            taken.pop();
            assert!(File::open("/dev/null").is_ok());
        });
    })
    .well();
}

#[test]
fn the_current_folder() {
    in_child("the_current_folder", || {
        static R: Runtime<1> = Runtime::new();
        let folder = Folder::new("current");
        let path = std::fs::canonicalize(&folder.0).unwrap();
        on_both_drivers(&R, || {
            fs::set_current_dir(path.to_str().unwrap()).unwrap();
            fs::write("relative", b"x").unwrap();
            assert!(folder.0.join("relative").exists());
            let mut buffer = [0; 4096];
            let current = fs::current_dir(&mut buffer).unwrap();
            assert_eq!(current, path.to_str().unwrap().as_bytes());
            let error = fs::current_dir(&mut buffer[..4]).unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::RANGE, "getcwd"));
            let error = fs::set_current_dir("relative").unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::NOTDIR, "chdir"));
        });
    })
    .well();
}

#[test]
fn others_use_files_through_traits() {
    fn through(mut stream: impl embedded_io::Read + embedded_io::Write + embedded_io::Seek) {
        stream.write_all(b"some text").unwrap();
        stream.rewind().unwrap();
        let mut buffer = [0; 9];
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"some text");
        stream.flush().unwrap();
    }
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("traits");
    on_both_drivers(&R, || {
        let file = File::create_new(&*folder.path("file")).unwrap();
        through(&file);
        file.seek(SeekFrom::Start(0)).unwrap();
        through(file);
        fs::remove_file(&*folder.path("file")).unwrap();
    });
}

/// The disk is asked directly, so that io_uring does not move the file's position by itself.
#[test]
fn the_position_goes_on_where_the_disk_is_asked_directly() {
    #[repr(align(4096))]
    struct Block([u8; 4096]);

    const DIRECT: u32 = 0o40_000;
    static R: Runtime<1> = Runtime::new();
    // Not in memory, if there is anything else.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let path = folder.path().join("file").to_str().unwrap().to_owned();
    on_both_drivers(&R, || {
        let blocks_of = |numbers: std::ops::Range<u8>| {
            numbers.flat_map(|number| std::iter::repeat_n(number, 4096)).collect::<Vec<_>>()
        };
        let blocks = blocks_of(0..8);
        std::fs::write(&path, &blocks).unwrap();
        let mut options = OpenOptions::new();
        let file = match options.read(true).write(true).custom_flags(DIRECT).open(&*path) {
            Err(error) if error.errno() == Errno::INVAL => {
                eprintln!("SKIPPED: this file system has no disk");
                return;
            }
            file => file.unwrap(),
        };
        let mut block = Block([0; 4096]);
        for number in 0..8 {
            assert_eq!(file.read(&mut block.0), Ok(4096));
            assert_eq!(block.0[..], blocks[number * 4096..][..4096]);
        }
        assert_eq!(file.read(&mut block.0), Ok(0));
        file.seek(SeekFrom::Start(0)).unwrap();
        for number in 10..18 {
            block.0.fill(number);
            file.write_all(&block.0).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == blocks_of(10..18));
    });
}

#[test]
fn what_is_no_file_is_not_copied_over_one() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("copy");
    let (from, to) = (folder.path("."), folder.path("precious"));
    std::fs::write(&to, "precious").unwrap();
    on_both_drivers(&R, || {
        for from in [&*from, "/dev/zero"] {
            assert_eq!(fs::copy(from, &*to).unwrap_err().errno(), Errno::INVAL);
        }
        assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    });
}

#[test]
fn folders_that_are_there_or_gone_are_no_error() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("there-or-gone");
    let path = folder.path("listed");
    on_both_drivers(&R, || {
        // As std does: it is the parent of a name alone.
        fs::create_dir_all("").unwrap();
        // There none can be made.
        fs::create_dir_all("/proc/self").unwrap();
        assert_eq!(fs::create_dir_all("/proc/self/x").unwrap_err().call(), "mkdir");
        fs::create_dir_all(&*path).unwrap();
        let mut entries = fs::read_dir(&*path).unwrap();
        std::fs::remove_dir(&path).unwrap();
        assert!(entries.next().is_none());
    });
}

/// What `Metadata::mode` says has the kind of file in it, which is nobody's to choose.
#[test]
fn a_mode_may_be_another_file_s() {
    static R: Runtime<1> = Runtime::new();
    let folder = Folder::new("mode");
    on_both_drivers(&R, || {
        let path = folder.path("file");
        let _of_the_other_driver = std::fs::remove_file(&path);
        let mode = fs::metadata("/proc/self/stat").unwrap().mode();
        assert!(mode > 0o7777);
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(mode).open(&*path).unwrap();
        // The others' rights are for the umask to say.
        let owner_s = 0o700;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & owner_s,
            mode & owner_s
        );
    });
}
