// The region, the doorbells and the sockets of the local transport, without a backend around them.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/abi/local.h"
#include "dataplane/transport/local/local_bell.h"
#include "dataplane/transport/local/local_link.h"
#include "dataplane/transport/local/local_region.h"
#include "dataplane/transport/local/local_socket.h"
#include "tests/temporary_directory.h"

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
    path_ = directory_.path() / "dns";
  }

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

  // How many files are beside each other where the socket is.
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(directory_.path()), std::filesystem::directory_iterator());
  }

  test::TemporaryDirectory directory_;
  std::filesystem::path path_;
};

TEST_F(LocalSocket, ANewListenerTakesThePlaceOfAnOldOneInOneStep) {
  auto old = LocalListener::open(path_);
  ASSERT_TRUE(old) << old.error().message;
  const auto fresh = LocalListener::open(path_);
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_TRUE(connect());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1) << "nothing else is left there";
}

TEST_F(LocalSocket, ItsEndIsTheEndOfItsPath) {
  { ASSERT_TRUE(LocalListener::open(path_)); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LocalSocket, ItsEndTakesAwayNobodyElses) {
  auto old = LocalListener::open(path_);
  ASSERT_TRUE(old);
  auto fresh = LocalListener::open(path_);
  ASSERT_TRUE(fresh);
  { const LocalListener ends = std::move(*old); }
  EXPECT_EQ(files(), 1);
  const UniqueFd guest = connect();
  ASSERT_TRUE(guest);
  const auto accepted = fresh->accept();
  EXPECT_TRUE(accepted && *accepted) << "whose it is";
}

// One of two that take each other's place again and again ends at any moment: at the end of each round the last one's is there.
TEST_F(LocalSocket, ManyEndWhileOthersBegin) {
  for (int round = 0; round < 300; ++round) {
    auto old = std::make_unique<LocalListener>(std::move(*LocalListener::open(path_)));
    std::atomic<bool> go{false};
    std::thread ending([&] {
      while (!go) {
      }
      old.reset();
    });
    go = true;
    auto fresh = LocalListener::open(path_);
    ASSERT_TRUE(fresh) << fresh.error().message;
    ending.join();
    ASSERT_TRUE(connect()) << "round " << round;
    ASSERT_EQ(files(), 1);
  }
}

TEST_F(LocalSocket, WhatIsNoSocketOfOursStays) {
  auto listener = LocalListener::open(path_);
  ASSERT_TRUE(listener);
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  { const LocalListener ends = std::move(*listener); }
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(LocalSocket, APathThatIsTooLongIsRefused) {
  path_ = directory_.path() / std::string(200, 'x');
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
  vs_refusal reason{};
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
    vs_refusal reason;
  };
  for (const Bad& one : {Bad{&other_magic, sizeof good, VS_REFUSAL_PROTOCOL},
                         Bad{&other_major, sizeof good, VS_REFUSAL_VERSION},
                         Bad{&other_features, sizeof good, VS_REFUSAL_FEATURES},
                         Bad{&good, sizeof good - 1, VS_REFUSAL_PROTOCOL},
                         Bad{longer.data(), longer.size(), VS_REFUSAL_PROTOCOL}}) {
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
  vs_refusal reason{};
  const auto none = receive_hello(node.get(), reason);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  guest.reset();
  EXPECT_EQ(receive_hello(node.get(), reason).error().code, ErrorCode::unavailable);
}

class Listener {
 public:
  explicit Listener(const LocalBell& bell) {
    epoll_event event{.events = kBellEvents, .data = {}};
    EXPECT_EQ(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell.fd(), &event), 0);
  }
  bool heard() const {
    epoll_event event;
    return ::epoll_wait(epoll_.get(), &event, 1, 0) == 1;
  }

 private:
  UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
};

TEST(LocalBell, IsHeardOnceForEachTimeItIsListenedTo) {
  const auto bell = LocalBell::make();
  ASSERT_TRUE(bell) << bell.error().message;
  const Listener listener(*bell);
  EXPECT_FALSE(listener.heard()) << "nobody has rung";
  for (int i = 0; i < 3; ++i) {
    bell->ring();
    EXPECT_TRUE(listener.heard());
    EXPECT_FALSE(listener.heard());
    bell->ring();
    bell->ring();
    EXPECT_TRUE(listener.heard());
    EXPECT_FALSE(listener.heard()) << "twice before anybody listened is once";
  }
}

// Nobody empties it: the millionth ring is heard as the first.
TEST(LocalBell, IsNeverTooFullToBeHeard) {
  const auto bell = LocalBell::make();
  ASSERT_TRUE(bell);
  const Listener listener(*bell);
  for (int i = 0; i < 1'000'000; ++i) {
    bell->ring();
    if (i % 1000 == 0) EXPECT_TRUE(listener.heard()) << i;
  }
  (void)listener.heard();
  bell->ring();
  EXPECT_TRUE(listener.heard());
}

// S-16: who shares it may let reads and writes of it wait, and write into it what it likes.
TEST(LocalBell, NeverWaitsWhateverIsDoneToIt) {
  const auto bell = LocalBell::make();
  ASSERT_TRUE(bell);
  const UniqueFd shared(::fcntl(bell->fd(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(::fcntl(shared.get(), F_SETFL, 0), 0);
  const Listener listener(*bell);
  for (int i = 0; i < 1000; ++i) {
    bell->ring();
    std::uint64_t one = 1;
    ASSERT_EQ(::write(shared.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one)) << "full again";
    EXPECT_FALSE(listener.heard()) << "who fills it up is not heard: its own loss";
    for (int taken = 0; taken < 10; ++taken)
      ASSERT_EQ(::read(shared.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    EXPECT_TRUE(listener.heard());
    one = 10;
    ASSERT_EQ(::write(shared.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    (void)listener.heard();
  }
}

class LocalLinkTest : public testing::Test {
 protected:
  LocalLinkTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    guest_.reset(ends[0]);
    UniqueFd node(ends[1]);
    auto made = LocalLink::make(loop_, node, RegionShape{}, 1, [this](Link::Sign sign) { signs_.push_back(sign); });
    EXPECT_TRUE(made) << made.error().message;
    link_ = std::move(*made);
  }
  // The descriptors that came with the welcome.
  std::vector<UniqueFd> take_welcome() const {
    vs_local_welcome welcome{};
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(8 * sizeof(int))]{};
    iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
    msghdr message{.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    EXPECT_EQ(::recvmsg(guest_.get(), &message, MSG_CMSG_CLOEXEC), static_cast<ssize_t>(sizeof welcome));
    const cmsghdr* item = CMSG_FIRSTHDR(&message);
    std::vector<UniqueFd> gifts((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (std::size_t i = 0; i < gifts.size(); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
      gifts[i].reset(fd);
    }
    return gifts;
  }
  std::vector<Link::Sign> signs_now() {
    loop_.run_once(std::chrono::milliseconds(0));
    return std::exchange(signs_, {});
  }
  static void take_one(int bell) {
    std::uint64_t one;
    EXPECT_EQ(::read(bell, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  EventLoop loop_;
  UniqueFd guest_;
  std::vector<Link::Sign> signs_;
  std::unique_ptr<LocalLink> link_;
};

TEST_F(LocalLinkTest, HearsItsGuestAndItsGuestHearsIt) {
  ASSERT_TRUE(link_->welcome({}));
  const auto gifts = take_welcome();
  ASSERT_EQ(gifts.size(), 3u) << "the region and the doorbells";
  EXPECT_EQ(signs_now(), std::vector<Link::Sign>{});
  take_one(gifts[1].get());
  EXPECT_EQ(signs_now(), std::vector{Link::Sign::doorbell});
  EXPECT_EQ(signs_now(), std::vector<Link::Sign>{});
  pollfd rung{.fd = gifts[2].get(), .events = POLLOUT};
  EXPECT_EQ(::poll(&rung, 1, 0), 0);
  link_->ring();
  EXPECT_EQ(::poll(&rung, 1, 0), 1);
}

TEST_F(LocalLinkTest, HearsTheEndWhetherItHearsDoorbellsOrNot) {
  ASSERT_TRUE(link_->welcome({}));
  const auto gifts = take_welcome();
  link_->hear(false);
  take_one(gifts[1].get());
  EXPECT_EQ(signs_now(), std::vector<Link::Sign>{});
  link_->hear(true);
  EXPECT_EQ(signs_now(), std::vector{Link::Sign::doorbell}) << "whether anybody rang is not known";
  link_->hear(false);
  guest_.reset();
  EXPECT_EQ(signs_now(), std::vector{Link::Sign::end});
}

TEST_F(LocalLinkTest, HangsUpAtOnceAndThenHearsNothing) {
  ASSERT_TRUE(link_->welcome({}));
  const auto gifts = take_welcome();
  link_->hang_up();
  char byte;
  EXPECT_EQ(::recv(guest_.get(), &byte, 1, 0), 0);
  take_one(gifts[1].get());
  guest_.reset();
  EXPECT_EQ(signs_now(), std::vector<Link::Sign>{});
}

}  // namespace
}  // namespace vs
