#include "dataplane/control/channel.h"

#include <sys/socket.h>

#include <cstring>

#include <gtest/gtest.h>

namespace vs::control {
namespace {

using namespace std::chrono_literals;

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    peer_.reset(ends[1]);
    channel_ = std::make_unique<Channel>(
        loop_, UniqueFd(ends[0]),
        Channel::Callbacks{.on_message =
                               [this](std::string_view message) {
                                 received_.emplace_back(message);
                                 if (on_message_) on_message_();
                               },
                           .on_closed = [this](const Error& why) { closed_.push_back(why); }});
  }
  void peer_says(std::string_view bytes) {
    ASSERT_EQ(::write(peer_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  static std::string framed(std::string_view message) {
    const auto length = static_cast<std::uint32_t>(message.size());
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return bytes.append(message);
  }

  EventLoop loop_;
  UniqueFd peer_;
  std::unique_ptr<Channel> channel_;
  std::vector<std::string> received_;
  std::vector<Error> closed_;
  std::function<void()> on_message_;
};

TEST_F(ChannelTest, DeliversMessagesHoweverTheyAreCut) {
  const std::string bytes = framed("one") + framed("") + framed(std::string(100'000, 'x'));
  for (std::size_t at = 0; at < bytes.size(); at += 7'001) {
    peer_says(std::string_view(bytes).substr(at, 7'001));
    loop_.run_once(0ms);
  }
  peer_says((framed("four") + framed("five")).substr(0, 15));
  loop_.run_once(0ms);
  ASSERT_EQ(received_.size(), 4u);
  EXPECT_EQ(received_[0], "one");
  EXPECT_EQ(received_[1], "");
  EXPECT_EQ(received_[2].size(), 100'000u);
  EXPECT_EQ(received_[3], "four");
  peer_says(framed("five").substr(7));
  loop_.run_once(0ms);
  EXPECT_EQ(received_.back(), "five");
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ChannelTest, EndsAtALengthThatIsNotAllowed) {
  peer_says("\xff\xff\xff\xff");
  loop_.run_once(0ms);
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_EQ(closed_[0].code, ErrorCode::invalid);
  EXPECT_FALSE(channel_->open());
  EXPECT_FALSE(channel_->send("late"));
}

TEST_F(ChannelTest, SaysWhenThePeerIsGone) {
  peer_says(framed("last words"));
  peer_.reset();
  loop_.run_once(0ms);
  EXPECT_EQ(received_, (std::vector<std::string>{"last words"}));
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_EQ(closed_[0].code, ErrorCode::unavailable);
}

TEST_F(ChannelTest, MayBeDestroyedByItsOwnCallback) {
  on_message_ = [this] { channel_.reset(); };
  peer_says(framed("one") + framed("two"));
  loop_.run_once(0ms);
  EXPECT_EQ(received_.size(), 1u);
}

TEST_F(ChannelTest, KeepsWhatThePeerDoesNotReadYet) {
  const std::string large(4 << 20, 'y');
  ASSERT_TRUE(channel_->send(large));
  std::string read;
  while (read.size() < large.size() + 4) {
    char buffer[1 << 16];
    const ssize_t count = ::read(peer_.get(), buffer, sizeof buffer);
    if (count > 0) read.append(buffer, static_cast<std::size_t>(count));
    loop_.run_once(0ms);
  }
  EXPECT_EQ(read, framed(large));
}

TEST_F(ChannelTest, RefusesToKeepWithoutLimit) {
  const std::string large(kMessageBytesMax, 'z');
  Result<> sent;
  std::size_t taken = 0;
  for (; (sent = channel_->send(large)); ++taken) ASSERT_LE(taken * large.size(), 2 * kSendBytesMax);
  EXPECT_EQ(sent.error().code, ErrorCode::exhausted);
  EXPECT_FALSE(channel_->send(std::string(kMessageBytesMax + 1, 'z')));
}

}  // namespace
}  // namespace vs::control
