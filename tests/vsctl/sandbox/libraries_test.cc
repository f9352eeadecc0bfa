#include <sys/stat.h>

#include "tests/vsctl/cli_test.h"
#include "vsctl/commands/run.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;

class FindLibrariesTest : public testing::Test {
 protected:
  fs::path at(const char* name) const { return fs::path(directory_.path()) / name; }

  test::TemporaryDirectory directory_;
};

TEST_F(FindLibrariesTest, TakesBothFromTheFirstPlaceThatHasBoth) {
  directory_.write("half/libnss_vservice.so.2", "");
  for (const char* place : {"build", "system"})
    for (const char* name : {"libnss_vservice.so.2", "libvservice.so.1"})
      directory_.write(std::string(place) + "/" + name, "");
  EXPECT_EQ(find_libraries({at("none"), at("half"), at("build"), at("system")}),
            (std::vector{at("build") / "libnss_vservice.so.2", at("build") / "libvservice.so.1"}));
}

TEST_F(FindLibrariesTest, SaysWhereItLooked) {
  const auto found = find_libraries({"/nonexistent/a", "/nonexistent/b"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  EXPECT_EQ(
      found.error().message,
      "libnss_vservice.so.2 and libvservice.so.1 are in none of /nonexistent/a, /nonexistent/b");
}

TEST_F(FindLibrariesTest, RefusesWhatAGuestCannotRead) {
  ASSERT_EQ(::geteuid(), 0u)
      << "a caller that is not root reads its own files as a guest, too: run the tests as root";
  const std::string library = directory_.write("lib/libnss_vservice.so.2", "");
  directory_.write("lib/libvservice.so.1", "");
  ASSERT_EQ(::chmod(library.c_str(), 0700), 0);
  const auto found = find_libraries({at("lib")});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, library + ": guests may not read it: chmod a+r is needed");
}

}  // namespace
}  // namespace vs::ctl
