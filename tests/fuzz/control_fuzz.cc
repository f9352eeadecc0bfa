// The control socket: what a backend or a manager sends is decoded or refused, and what was decoded
// says the same when it is sent on; frames arrive whole however they are cut, and a length that is
// not allowed ends the channel.
#include <fuzzer/FuzzedDataProvider.h>

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/event_loop.h"
#include "dataplane/control/channel.h"
#include "dataplane/control/messages.h"

namespace vs::fuzz {
namespace {

void decode(const std::string& text) {
  if (const auto command = control::decode_command(text)) {
    const std::string once = control::encode(*command);
    const auto again = control::decode_command(once);
    VS_CHECK(again && control::encode(*again) == once);
  }
  if (const auto event = control::decode_event(text)) {
    if (const auto* stats = std::get_if<control::Stats>(&*event))
      for (const Sample& sample : stats->samples) VS_CHECK(sample.type <= Sample::Type::histogram);
    const std::string once = control::encode(*event);
    const auto again = control::decode_event(once);
    VS_CHECK(again && control::encode(*again) == once);
  }
}

void send(int socket, std::string_view bytes) {
  VS_CHECK(::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size()) ||
           errno == EPIPE || errno == ECONNRESET);
}

// Frames with lengths right and wrong, sent in pieces.
void deliver(FuzzedDataProvider& input) {
  static EventLoop loop;
  int ends[2];
  VS_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  const UniqueFd peer(ends[1]);
  std::vector<std::string> received;
  bool closed = false;
  const std::size_t leave_after =
      input.ConsumeIntegralInRange<std::size_t>(0, 8);  // a callback may end its own channel
  std::unique_ptr<control::Channel> channel;
  channel = std::make_unique<control::Channel>(
      loop, UniqueFd(ends[0]),
      control::Channel::Callbacks{
          .on_message =
              [&](std::string_view message) {
                VS_CHECK(!closed);
                received.emplace_back(message);
                if (received.size() == leave_after) return channel.reset();
                (void)channel->send(message);
              },
          .on_closed = [&](const Error&) { VS_CHECK(!std::exchange(closed, true)); }});
  std::vector<std::string> sent;
  std::string stream;
  bool ends_badly = false;
  for (int frames = 0; frames < 8 && input.remaining_bytes() != 0 && !ends_badly; ++frames) {
    const std::string message = input.ConsumeRandomLengthString(200);
    auto length = static_cast<std::uint32_t>(message.size());
    if (input.ConsumeIntegralInRange<int>(0, 15) == 0) {
      length = static_cast<std::uint32_t>(control::kMessageBytesMax) + 1 +
               input.ConsumeIntegralInRange<std::uint32_t>(0, 1u << 31);
      ends_badly = true;
    } else {
      sent.push_back(message);
    }
    stream.append(reinterpret_cast<const char*>(&length), sizeof length).append(message);
  }
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t piece = input.ConsumeIntegralInRange<std::size_t>(1, 64);
    send(peer.get(), std::string_view(stream).substr(at, piece));
    at += piece;
    loop.run_once(std::chrono::milliseconds(0));
  }
  if (leave_after != 0 && sent.size() > leave_after) sent.resize(leave_after);
  VS_CHECK(received == sent);
  if (channel != nullptr) VS_CHECK(closed == ends_badly && channel->open() == !closed);
  channel.reset();
}

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  if (bytes[size - 1] % 2 == 0) {  // text as it stands, so that a dictionary helps
    vs::fuzz::decode(std::string(reinterpret_cast<const char*>(bytes), size - 1));
  } else {
    FuzzedDataProvider input(bytes, size - 1);
    vs::fuzz::deliver(input);
  }
  return 0;
}
