// Messages of an engine out of anything that anybody on its server can send: a subject, headers and a payload.
//
// The input is lines "NAME: VALUE", an empty one, and the payload; the first line is the subject. Whatever comes: what is taken for an event
// and read as one goes out again and comes in the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "dataplane/services/pubsub/envelope.h"
#include "dataplane/services/pubsub/subject.h"

namespace vs::pubsub {
namespace {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void run(std::string_view input) {
  const std::string_view subject = take_line(input);
  Crossing crossing;
  for (const auto style : {Subjects::Style::nats, Subjects::Style::mqtt}) {
    const Subjects subjects("site", style);
    if (auto channel = subjects.channel(subject)) {
      VS_CHECK(subjects.of(*channel) == subject);
      crossing.channel = std::move(*channel);
    }
  }
  if (crossing.channel.empty()) crossing.channel = "a";
  for (std::string_view line = take_line(input); !line.empty(); line = take_line(input)) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    crossing.headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
  }
  crossing.payload = input;
  const auto arrival = unwrap(crossing, 1 << 16);
  if (!arrival) return;
  VS_CHECK(arrival->event.size() <= 1 << 16);
  const auto parts = read_event(arrival->event);
  if (!parts) return;
  const Crossing again = wrap(*parts, arrival->origin, arrival->published_ns, parts->header.expires_ms);
  VS_CHECK(again.payload == crossing.payload);
  const auto back = unwrap(again, 1 << 20);
  VS_CHECK(back.has_value());
  const auto read_again = read_event(back->event);
  VS_CHECK(read_again.has_value());
  VS_CHECK(wrap(*read_again, back->origin, back->published_ns, read_again->header.expires_ms).headers == again.headers);
  VS_CHECK(back->origin.name == arrival->origin.name && back->origin.sequence == arrival->origin.sequence);
}

}  // namespace
}  // namespace vs::pubsub

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vs::pubsub::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
