#include "vsctl/client/event_stream.h"

#include <vector>

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

std::vector<ServerEvent> all_of(EventStream& stream) {
  std::vector<ServerEvent> events;
  while (auto event = stream.next()) events.push_back(std::move(*event));
  return events;
}

TEST(EventStream, PutsEventsTogetherHoweverTheyArrive) {
  const std::string text = "id: 7\nevent: binding.bound\ndata: {\"a\":\ndata: 1}\n\n: heartbeat\n\nid: 8\n\ndata:x\r\n\r\n";
  const std::vector<ServerEvent> expected{{"7", "binding.bound", "{\"a\":\n1}"}, {"", "message", "x"}};
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventStream stream;
    for (std::size_t at = 0; at < text.size(); at += size) stream.feed(std::string_view(text).substr(at, size));
    EXPECT_EQ(all_of(stream), expected) << "in pieces of " << size;
  }
}

TEST(EventStream, GivesNothingBeforeAnEventHasEnded) {
  EventStream stream;
  stream.feed("data: half\n");
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST(EventStream, BreaksOnAnEventWithoutEndInsteadOfKeepingIt) {
  EventStream stream;
  const std::string piece(4096, 'x');
  for (std::size_t i = 0; i <= kServerEventBytesMax / piece.size(); ++i) stream.feed(piece);
  EXPECT_TRUE(stream.broken());
  EventStream lines;
  for (std::size_t i = 0; i <= kServerEventBytesMax / piece.size(); ++i) lines.feed("data: " + piece + "\n");
  EXPECT_TRUE(lines.broken());
}

}  // namespace
}  // namespace vs::ctl
