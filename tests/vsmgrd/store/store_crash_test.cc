// What was acknowledged is there after the process was killed, and after the power was cut.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/vsmgrd/store/fault_vfs.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

constexpr int kDatabases = 10;  // of each of four
constexpr int kRounds = 25;     // of each database
constexpr std::size_t kAcknowledgedPerRoundMax = 8;

// Change number N: a domain and a binding of that number, and N written on the counter.
std::vector<Resource> change_of(int number) {
  const std::string name = "n" + std::to_string(number);
  return {domain(name), binding(name, name, "dns"),
          domain("counter", {{"count", std::to_string(number)}})};
}

int count_in(const Store& store) {
  const auto counter = store.get(Kind::domain, "counter");
  return counter ? std::stoi(counter->resource.metadata.labels.at("count")) : 0;
}

// All changes up to count_in(), each whole; nothing else.
void expect_whole(const Store& store) {
  const int count = count_in(store);
  const Desired desired = *store.desired();
  EXPECT_EQ(desired.bindings.size(), static_cast<std::size_t>(count));
  EXPECT_EQ(desired.decisions.size(), static_cast<std::size_t>(count));
  for (int number = 1; number <= count; ++number) {
    const std::string name = "n" + std::to_string(number);
    EXPECT_TRUE(desired.domains.contains(name)) << name;
    EXPECT_TRUE(desired.bindings.contains(name)) << name;
  }
}

// Writes change after change, and tells each one's number when it was acknowledged. Until it is
// killed.
[[noreturn]] void write_for_ever(const std::filesystem::path& file, int pipe) {
  const ManualClock clock;
  const auto store = open_store(file, clock);
  for (int number = count_in(*store) + 1;; ++number) {
    if (!store->apply(change_of(number), {})) ::_exit(1);
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(2);
  }
}

struct Writer {
  pid_t process;
  UniqueFd acknowledged;
};

Writer start_writer(const std::filesystem::path& file) {
  std::array<int, 2> ends{};
  VS_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t process = ::fork();
  VS_CHECK(process >= 0);
  if (process == 0) {
    ::close(ends[0]);
    write_for_ever(file, ends[1]);
  }
  ::close(ends[1]);
  return {process, UniqueFd(ends[0])};
}

// The next number, or 0 at the end.
int next_acknowledged(const Writer& writer) {
  int number = 0;
  return ::read(writer.acknowledged.get(), &number, sizeof number) == sizeof number ? number : 0;
}

class StoreKills : public ::testing::TestWithParam<std::uint32_t> {};

// What the kernel has taken survives the process, on any file system.
void kill_again_and_again(std::mt19937& random) {
  const TempDirectory directory("/dev/shm");
  const ManualClock clock;
  ASSERT_TRUE(open_store(directory.database(), clock)->apply({service("dns")}, {}));
  int acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Writer writer = start_writer(directory.database());
    for (std::size_t wait = random() % kAcknowledgedPerRoundMax; wait > 0; --wait) {
      acknowledged = next_acknowledged(writer);
      ASSERT_GT(acknowledged, 0) << "the writer failed by itself";
    }
    // Somewhere in its next write.
    [[maybe_unused]] volatile std::uint32_t spun = 0;
    for (std::uint32_t spins = random() % 2'000'000; spins > 0; --spins) spun = spins;
    ASSERT_EQ(::kill(writer.process, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(writer.process, &status, 0), writer.process);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself, status " << status;
    while (const int number = next_acknowledged(writer)) acknowledged = number;

    const auto store = open_store(directory.database(), clock);
    const int count = count_in(*store);
    ASSERT_GE(count, acknowledged) << "round " << round;
    ASSERT_LE(count, acknowledged + 1) << "round " << round;  // one may have been in flight
    expect_whole(*store);
    acknowledged = count;
  }
  EXPECT_GT(acknowledged, kRounds / 4);
  EXPECT_TRUE(open_store(directory.database(), clock)->audit().verify()->sound);
}

TEST_P(StoreKills, LoseNothingAcknowledged) {
  std::mt19937 random(GetParam());
  for (int i = 0; i < kDatabases && !HasFatalFailure(); ++i) kill_again_and_again(random);
}

INSTANTIATE_TEST_SUITE_P(OfAThousand, StoreKills, ::testing::Values(1, 2, 3, 4));

// After a power cut at worst only synced bytes are left. So after each acknowledged change the
// synced bytes alone must hold it.
TEST(StoreCrash, APowerCutLosesNothingAcknowledged) {
  const TempDirectory directory;
  const TempDirectory synced;
  const ManualClock clock;
  FaultVfs vfs;
  vfs.keep_synced(directory.path(), synced.path());
  const auto store = open_store(directory.database(), clock);
  ASSERT_TRUE(store->apply({service("dns")}, {}));
  for (int number = 1; number <= 40; ++number) {
    std::vector<Resource> change = change_of(number);
    // Large, so that the log is moved into the database now and then.
    change.push_back(domain("ballast", {{"n", std::to_string(number)}}));
    for (int i = 0; i < 60; ++i)
      change.back().metadata.labels["k" + std::to_string(i)] = std::string(1000, 'x');
    for (int i = 0; i < 20; ++i) {
      change.push_back(change[3]);
      change.back().metadata.name += std::to_string(i);
    }
    const int syncs = vfs.syncs();
    ASSERT_TRUE(store->apply(change, {}));
    ASSERT_GT(vfs.syncs(), syncs);
    // The writer may move the log after it has answered; what asks it next waits for that.
    ASSERT_TRUE(store->apply({service("dns")}, {.dry_run = true}));

    const TempDirectory left;
    std::filesystem::copy(synced.path(), left.path(), std::filesystem::copy_options::recursive);
    const auto reopened = open_store(left.database(), clock);
    ASSERT_EQ(count_in(*reopened), number);
    expect_whole(*reopened);
  }
}

}  // namespace
}  // namespace vs::test
