// Homes that several nodes of one machine keep.
#include "vsmgrd/backends/homes.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/temporary_directory.h"

namespace vs {
namespace {

namespace fs = std::filesystem;

class HomesTest : public ::testing::Test {
 protected:
  // A device's socket that somebody listens on, while what is returned lives.
  UniqueFd listen(const std::string& domain, const std::string& device) {
    const std::string path = (directory_.path() / domain / device).string();
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    return fd;
  }
  [[nodiscard]] bool there(const std::string& what) const { return fs::exists(directory_.path() / what); }

  test::TemporaryDirectory directory_;
  Homes a_{directory_.path(), "a", ""};
  Homes b_{directory_.path(), "b", ""};
};

TEST_F(HomesTest, OfOneNodeGoWithTheirDomainsAndWhateverIsInThem) {
  EXPECT_EQ(a_.keep({{"web1", {"dns"}}}).at("web1"), (directory_.path() / "web1").string());
  const UniqueFd hung = listen("web1", "dns");  // of a backend that cannot remove it
  a_.keep({{"web1", {"dns"}}});
  EXPECT_TRUE(there("web1/dns"));
  a_.keep({{"web1", {}}});
  EXPECT_FALSE(there("web1/dns"));
  a_.keep({});
  EXPECT_FALSE(there("web1"));
}

TEST_F(HomesTest, OfTwoNodesStayWhileOneKeepsThem) {
  a_.keep({{"web1", {"dns"}}});
  b_.keep({{"web1", {"dns"}}});
  const UniqueFd next = listen("web1", "dns");  // the next owner's
  a_.keep({});
  EXPECT_TRUE(there("web1/dns")) << "somebody listens on it";
  b_.keep({});
  EXPECT_FALSE(there("web1"));
}

TEST_F(HomesTest, ThatAreSharedLoseWhatNobodyListensOn) {
  a_.keep({{"web1", {"dns"}}});
  b_.keep({{"web1", {"dns"}}});
  listen("web1", "dns").reset();
  a_.keep({});
  EXPECT_FALSE(there("web1/dns"));
  EXPECT_TRUE(there("web1")) << "b's, though nothing is in it";
}

TEST_F(HomesTest, OfOthersAreSeenByWhoComesLater) {
  a_.keep({{"web1", {}}});
  Homes again(directory_.path(), "b", "");
  again.keep({{"web2", {}}});
  EXPECT_TRUE(there("web1"));
  EXPECT_TRUE(there("web2"));
}

}  // namespace
}  // namespace vs
