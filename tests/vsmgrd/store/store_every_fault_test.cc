// The N-th write or sync fails, or is torn, for every N there is: what was acknowledged is there
// after a restart, nothing is there by halves, and it always starts.
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/fault_vfs.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

constexpr int kChanges = 6;
constexpr int kFaultsMax = 2000;

struct Fault {
  const char* name;
  int result;
  bool torn;
};

class StoreEveryFault : public ::testing::TestWithParam<Fault> {
 protected:
  ManualClock clock_;
  FaultVfs vfs_;
};

std::vector<Resource> change_of(int number) {
  const std::string name = "n" + std::to_string(number);
  return {domain(name, {{"text", std::string(900, 'x')}}), binding(name, name, "dns"),
          domain("counter", {{"count", std::to_string(number)}})};
}

TEST_P(StoreEveryFault, LosesNothingAcknowledgedAndHalvesNothing) {
  int faults = 0;
  for (int passes = 0; passes < kFaultsMax; ++passes) {
    SCOPED_TRACE(passes);
    const TempDirectory directory("/dev/shm");
    { ASSERT_TRUE(open_store(directory.database(), clock_)->apply({service("dns")}, {})); }
    int acknowledged = 0;
    vfs_.fail_after(passes, GetParam().result, GetParam().torn);
    if (auto store = Store::open(directory.database(), clock_, decide_by_label)) {
      for (int number = 1; number <= kChanges; ++number)
        if ((*store)->apply(change_of(number), {})) acknowledged = number;
      (*store)->observe({observed(Kind::domain, "counter", State::ready)}).has_value();
      EXPECT_EQ((*store)->list(Kind::binding)->size() >= static_cast<std::size_t>(acknowledged > 0), true);
    }  // and the disk is still broken while it ends
    const bool struck = vfs_.struck();
    vfs_.fail_with(SQLITE_OK);

    const auto store = open_store(directory.database(), clock_);
    const Desired desired = *store->desired();
    const auto counter = desired.domains.find("counter");
    const int count =
        counter == desired.domains.end() ? 0 : std::stoi(counter->second.metadata.labels.at("count"));
    ASSERT_GE(count, acknowledged);
    // Each change that is there is there as a whole, with all that it leaves.
    std::int64_t audited = 1;
    for (int number = 1; number <= kChanges; ++number) {
      const std::string name = "n" + std::to_string(number);
      ASSERT_EQ(desired.domains.contains(name), desired.bindings.contains(name)) << name;
      ASSERT_EQ(desired.domains.contains(name), desired.decisions.contains(name)) << name;
      audited += desired.domains.contains(name) ? 3 : 0;
    }
    const auto verdict = store->audit().verify();
    ASSERT_TRUE(verdict && verdict->sound);
    ASSERT_EQ(verdict->rows, audited);
    ASSERT_TRUE(store->apply({domain("later")}, {}));
    faults += struck;
    if (!struck) break;
  }
  EXPECT_GT(faults, 20);
  EXPECT_LT(faults, kFaultsMax) << "there was no end";
}

INSTANTIATE_TEST_SUITE_P(All, StoreEveryFault,
                         ::testing::Values(Fault{"Write", SQLITE_IOERR_WRITE, false},
                                           Fault{"Torn", SQLITE_IOERR_WRITE, true},
                                           Fault{"Full", SQLITE_FULL, true},
                                           Fault{"Sync", SQLITE_IOERR_FSYNC, false}),
                         [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace vs::test
