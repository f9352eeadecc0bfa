// Real file systems that are full or read-only, mounted in a namespace of the test's own.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using ::testing::HasSubstr;

bool write_file(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Mounting is for root: who is not becomes it, in a user namespace.
bool enter_mount_namespace() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) return false;
  if (user != 0 && !(write_file("/proc/self/setgroups", "deny") &&
                     write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1") &&
                     write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1")))
    return false;
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Runs `story` in a child that may mount; its failures are this test's.
template <class Story>
void in_mount_namespace(Story story) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (enter_mount_namespace())
      story();
    else
      ADD_FAILURE() << "no mount namespace: " << std::strerror(errno);
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see above";
}

void fill_up(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(4096, 'x');
  while (::write(fd.get(), block.data(), block.size()) > 0) {
  }
  ASSERT_EQ(errno, ENOSPC);
}

void mount_small_disk(const std::filesystem::path& at) {
  ASSERT_EQ(::mount("none", at.c_str(), "tmpfs", 0, "size=2m"), 0) << std::strerror(errno);
}

void set_read_only(const std::filesystem::path& at, bool read_only) {
  ASSERT_EQ(::mount(nullptr, at.c_str(), nullptr,
                    MS_REMOUNT | MS_BIND | (read_only ? MS_RDONLY : 0), nullptr),
            0)
      << std::strerror(errno);
}

TEST(StoreMounts, AFullDiskRefusesWritesUntilThereIsRoom) {
  const TempDirectory directory;
  in_mount_namespace([&] {
    mount_small_disk(directory.path());
    const ManualClock clock;
    auto store = open_store(directory.database(), clock);
    ASSERT_TRUE(store->apply({domain("web1")}, {}));
    fill_up(directory.path() / "filler");
    int applied = 0;
    std::optional<Refusal> refusal;
    for (int i = 0; i < 100 && !refusal; ++i) {  // the log may have room of its own for some
      const auto outcome = store->apply(
          {domain("web1", {{"n", std::to_string(i)}, {"t", std::string(1000, 'x')}})}, {});
      applied += outcome.has_value();
      if (!outcome) refusal = outcome.error();
    }
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->error.code, ErrorCode::exhausted);
    EXPECT_THAT(refusal->error.message, HasSubstr("database or disk is full"));
    EXPECT_EQ(store->resource_version(), 1 + applied);
    EXPECT_TRUE(store->get(Kind::domain, "web1"));

    std::filesystem::remove(directory.path() / "filler");
    ASSERT_TRUE(store->apply({domain("web2")}, {}));
    store.reset();
    EXPECT_EQ(open_store(directory.database(), clock)->resource_version(), 2 + applied);
  });
}

TEST(StoreMounts, OpensOnAFullDiskAndWritesWhenThereIsRoom) {
  const TempDirectory directory;
  in_mount_namespace([&] {
    mount_small_disk(directory.path());
    const ManualClock clock;
    auto store = open_store(directory.database(), clock);
    ASSERT_TRUE(store->apply({domain("web1"), service("dns")}, {}));
    store.reset();
    fill_up(directory.path() / "filler");

    store = open_store(directory.database(), clock);
    EXPECT_EQ(store->resource_version(), 1);
    EXPECT_TRUE(store->get(Kind::service, "dns"));
    const auto refused = store->apply({domain("web2")}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code, ErrorCode::exhausted) << refused.error().error.message;

    std::filesystem::remove(directory.path() / "filler");
    ASSERT_TRUE(store->apply({domain("web2")}, {}));
    store.reset();
    EXPECT_EQ(open_store(directory.database(), clock)->list(Kind::domain)->size(), 2u);
  });
}

// `stopped`: cleanly, so that there is no log; else the log is left as a killed process leaves it.
void read_only_story(const TempDirectory& directory, bool stopped) {
  const ManualClock clock;
  {
    const TempDirectory original;
    auto store = open_store(original.database(), clock);
    ASSERT_TRUE(store->apply(
        {domain("web1", {{"may", "yes"}}), service("dns"), binding("b", "web1", "dns")}, {}));
    ASSERT_TRUE(store->observe({observed(Kind::binding, "b", State::bound)}));
    if (stopped) store.reset();
    std::filesystem::copy(original.path(), directory.path(),
                          std::filesystem::copy_options::recursive);
    std::filesystem::remove(directory.database().string() + "-shm");
  }
  ASSERT_EQ(std::filesystem::exists(directory.database().string() + "-wal"), !stopped);
  ASSERT_EQ(::mount(directory.path().c_str(), directory.path().c_str(), nullptr, MS_BIND, nullptr),
            0);
  set_read_only(directory.path(), true);

  auto store = open_store(directory.database(), clock);
  EXPECT_EQ(store->resource_version(), 1);
  EXPECT_TRUE(store->get(Kind::binding, "b")->decision->allowed);
  EXPECT_EQ(store->get(Kind::binding, "b")->observed->state, State::bound);
  for (const bool dry_run : {true, false}) {
    const auto refused = store->apply({domain("web2")}, {.dry_run = dry_run});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code, ErrorCode::unavailable);
    EXPECT_THAT(refused.error().error.message, HasSubstr("Read-only file system"));
  }
  EXPECT_TRUE(store->apply({domain("web1", {{"may", "yes"}})}, {})) << "says that nothing changed";
  EXPECT_FALSE(store->observe({observed(Kind::binding, "b", State::failed)}));
  EXPECT_EQ(store->get(Kind::binding, "b")->observed->state, State::failed);

  set_read_only(directory.path(), false);
  ASSERT_TRUE(store->apply({domain("web2")}, {}));
  ASSERT_TRUE(store->observe({}));
  store.reset();
  store = open_store(directory.database(), clock);
  EXPECT_EQ(store->resource_version(), 2);
  EXPECT_EQ(store->get(Kind::binding, "b")->observed->state, State::failed);
}

TEST(StoreMounts, AReadOnlyDirectoryIsReadAndNotWritten) {
  const TempDirectory directory;
  in_mount_namespace([&] { read_only_story(directory, true); });
}

TEST(StoreMounts, AReadOnlyDirectoryIsReadWithTheLogOfAKilledProcess) {
  const TempDirectory directory;
  in_mount_namespace([&] { read_only_story(directory, false); });
}

TEST(StoreMounts, AnEmptyReadOnlyDirectoryIsRefused) {
  const TempDirectory directory;
  in_mount_namespace([&] {
    ASSERT_EQ(::mount("none", directory.path().c_str(), "tmpfs", MS_RDONLY, "size=1m"), 0);
    const ManualClock clock;
    const auto store = Store::open(directory.database(), clock, decide_by_label);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::unavailable);
    EXPECT_THAT(store.error().message, HasSubstr(directory.database().string()));
  });
}

}  // namespace
}  // namespace vs::test
