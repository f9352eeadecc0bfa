// The region and the sockets of the local transport, without a backend around them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "dataplane/abi/local.h"
#include "dataplane/transport/local/local_region.h"
#include "dataplane/transport/local/local_socket.h"

namespace vs {
namespace {

TEST(LocalRegion, CannotBeMadeShorterOrLongerByWhoHasIt) {
  const auto region = LocalRegion::create(RegionShape{}, 1);
  ASSERT_TRUE(region) << region.error().message;
  struct stat before{};
  ASSERT_EQ(::fstat(region->memory(), &before), 0);
  EXPECT_NE(::ftruncate(region->memory(), 0), 0);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(::ftruncate(region->memory(), before.st_size * 2), 0);
  EXPECT_NE(::fcntl(region->memory(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0) << "no further seals either";
}

TEST(LocalRegion, SaysInItsHeaderWhatItIs) {
  const auto region = LocalRegion::create(RegionShape{}, 41);
  ASSERT_TRUE(region);
  vs_region_header seen;
  std::memcpy(&seen, region->bytes().data(), sizeof seen);
  EXPECT_EQ(std::memcmp(&seen, &region->header(), sizeof seen), 0);
  EXPECT_EQ(seen.magic, std::uint32_t{VS_REGION_MAGIC});
  EXPECT_EQ(seen.generation, 41u);
  EXPECT_EQ(seen.bytes, region->bytes().size());
}

TEST(LocalRegion, HasTheGuestsPagesReadOnly) {
  const auto region = LocalRegion::create(RegionShape{}, 1);
  ASSERT_TRUE(region);
  auto* page = region->bytes().data() + region->header().request.prod_offset;
  EXPECT_DEATH(*reinterpret_cast<volatile char*>(page) = 1, "");
}

class LocalSocket : public testing::Test {
 protected:
  LocalSocket() {
    std::string pattern = "/tmp/vs-local-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "dns";
  }
  ~LocalSocket() override { std::filesystem::remove_all(directory_); }

  UniqueFd connect() const {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    std::strcpy(address.sun_path, path_.c_str());
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? std::move(socket)
                                                                                                     : UniqueFd();
  }
  // Both ends of a connection.
  std::pair<UniqueFd, UniqueFd> connected(LocalListener& listener) const {
    UniqueFd guest = connect();
    auto accepted = listener.accept();
    EXPECT_TRUE(accepted && *accepted);
    return {std::move(guest), std::move(**accepted)};
  }

  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST_F(LocalSocket, ANewListenerTakesThePlaceOfAnOldOneInOneStep) {
  auto old = LocalListener::open(path_);
  ASSERT_TRUE(old) << old.error().message;
  const auto fresh = LocalListener::open(path_);
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_TRUE(connect());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1) << "nothing else is left there";
}

TEST_F(LocalSocket, ItsEndIsTheEndOfItsPath) {
  { ASSERT_TRUE(LocalListener::open(path_)); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LocalSocket, APathThatIsTooLongIsRefused) {
  path_ = directory_ / std::string(200, 'x');
  const auto opened = LocalListener::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
}

TEST_F(LocalSocket, JudgesTheHello) {
  auto listener = LocalListener::open(path_);
  ASSERT_TRUE(listener);
  const vs_local_hello good{.magic = VS_LOCAL_MAGIC,
                            .major = VS_REGION_MAJOR,
                            .generation = 3,
                            .service = {'d', 'n', 's'},
                            .device = {'n', 'a', 'm', 'e', 's'}};
  vs_local_reason reason{};
  const auto judged = [&](const void* bytes, std::size_t count) {
    auto [guest, node] = connected(*listener);
    EXPECT_EQ(::send(guest.get(), bytes, count, MSG_NOSIGNAL), static_cast<ssize_t>(count));
    return receive_hello(node.get(), reason);
  };
  const auto hello = judged(&good, sizeof good);
  ASSERT_TRUE(hello && *hello);
  EXPECT_EQ((*hello)->service, "dns");
  EXPECT_EQ((*hello)->device, "names");
  EXPECT_EQ((*hello)->generation, 3u);

  vs_local_hello other_magic = good;
  other_magic.magic ^= 1;
  vs_local_hello other_major = good;
  ++other_major.major;
  vs_local_hello other_features = good;
  other_features.features = std::uint64_t{1} << 63;
  std::array<char, 2 * sizeof good> longer{};
  struct Bad {
    const void* bytes;
    std::size_t count;
    vs_local_reason reason;
  };
  for (const Bad& one : {Bad{&other_magic, sizeof good, VS_LOCAL_REASON_PROTOCOL},
                         Bad{&other_major, sizeof good, VS_LOCAL_REASON_VERSION},
                         Bad{&other_features, sizeof good, VS_LOCAL_REASON_FEATURES},
                         Bad{&good, sizeof good - 1, VS_LOCAL_REASON_PROTOCOL},
                         Bad{longer.data(), longer.size(), VS_LOCAL_REASON_PROTOCOL}}) {
    const auto bad = judged(one.bytes, one.count);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::invalid);
    EXPECT_EQ(reason, one.reason) << bad.error().message;
  }
}

TEST_F(LocalSocket, WaitsForAHelloThatHasNotCome) {
  auto listener = LocalListener::open(path_);
  ASSERT_TRUE(listener);
  auto [guest, node] = connected(*listener);
  vs_local_reason reason{};
  const auto none = receive_hello(node.get(), reason);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  guest.reset();
  EXPECT_EQ(receive_hello(node.get(), reason).error().code, ErrorCode::unavailable);
}

// Two doorbells can come for one wake-up; what one drain leaves, the next must not add to.
TEST_F(LocalSocket, ADrainLeavesNoDoorbellBehind) {
  auto listener = LocalListener::open(path_);
  ASSERT_TRUE(listener);
  auto [guest, node] = connected(*listener);
  int rung = 0;
  while (::send(guest.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) ++rung;
  ASSERT_GT(rung, 100) << "the socket is full";
  EXPECT_TRUE(drain_doorbells(node.get()));
  char byte;
  EXPECT_EQ(::recv(node.get(), &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(::send(guest.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
}

TEST_F(LocalSocket, DoorbellsNeverBlockTheirSender) {
  auto listener = LocalListener::open(path_);
  ASSERT_TRUE(listener);
  auto [guest, node] = connected(*listener);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(ring_doorbell(node.get())) << "a guest that does not read has enough of them";
  guest.reset();
  EXPECT_FALSE(ring_doorbell(node.get()));
  EXPECT_FALSE(drain_doorbells(node.get()));
}

}  // namespace
}  // namespace vs
