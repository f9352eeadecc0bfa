#include <filesystem>

#include "tests/vsctl/cli_test.h"
#include "vsctl/sandbox/mounts.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

TEST(PlanHidden, FollowsLinksAndForgetsWhatIsNotThere) {
  const test::TemporaryDirectory directory;
  const fs::path real = fs::canonical(directory.path()) / "real";
  fs::create_directory(real);
  fs::create_directory_symlink(real, directory.path() + "/link");
  const auto plan = plan_hidden({directory.path() + "/link", real, directory.path() + "/none"});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(*plan, Paths{real});
}

TEST(PlanHidden, PutsADirectoryBeforeThoseInIt) {
  const test::TemporaryDirectory directory;
  const fs::path outer = fs::canonical(directory.path());
  fs::create_directory(outer / "in");
  EXPECT_EQ(plan_hidden({outer / "in", outer}), (Paths{outer, outer / "in"}));
}

TEST(PlanHidden, RefusesWhatProgramsNeed) {
  for (const char* needed : {"/", "/usr", "/etc", "/bin", "/lib", "/var"}) {
    const auto plan = plan_hidden({needed});
    ASSERT_FALSE(plan) << needed;
    EXPECT_EQ(plan.error().code, ErrorCode::invalid);
    EXPECT_TRUE(plan.error().message.starts_with("guests must not see ")) << plan.error().message;
  }
}

TEST(PlanHidden, TakesWhatIsTheGuestsOwnInAnyCase) {
  EXPECT_TRUE(plan_hidden({"/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys"}));
}

}  // namespace
}  // namespace vs::ctl
