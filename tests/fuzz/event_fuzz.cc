// Requests to a pubsub service out of anything a guest can write, and events out of anything a backend can.
//
// The input is a program: an operation a byte, its operands behind it. Whatever comes: every request is answered exactly once or is
// still owed, an answer fits the room for it, what the readers in C++ and C take for an event is the same, and what is lost or taken is
// what was put.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "tests/fuzz/program.h"

extern "C" {
#include "dataplane/client/channel_event.h"
}

namespace vs::pubsub {
namespace {

constexpr std::size_t kOperationsMax = 128;

using fuzz::Program;

// What a reader in C makes of an answer's events.
void read_all(std::span<const std::byte> events) {
  const std::vector<unsigned char> copy(reinterpret_cast<const unsigned char*>(events.data()),
                                        reinterpret_cast<const unsigned char*>(events.data() + events.size()));
  std::size_t at = 0;
  const auto room = std::make_unique<vs_event_room>();
  while (at < copy.size()) {
    const long bytes = vs_event_read(copy.data() + at, copy.size() - at, room.get());
    VS_CHECK(bytes > 0);
    VS_CHECK(room->event.channel != nullptr || room->event.missed != 0 || (room->flags & (VS_EVENT_AWAY | VS_EVENT_BACK)) != 0);
    at += static_cast<std::size_t>(bytes);
  }
}

class Sink final : public ReplySink {
 public:
  Lending lending(std::uint64_t, const Frame&) const override { return Lending::copied; }
  void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) override {
    const auto owed = owed_.find(ticket);
    VS_CHECK(owed != owed_.end());
    const auto [room, type] = owed->second;
    owed_.erase(owed);
    if (!answer) return;
    vs_pubsub_outcome outcome;
    VS_CHECK(answer->size() >= sizeof outcome);
    std::memcpy(&outcome, answer->data(), sizeof outcome);
    VS_CHECK(outcome.text_bytes <= answer->size() - sizeof outcome);
    const auto events = answer->subspan(sizeof outcome + outcome.text_bytes);
    VS_CHECK(events.empty() || answer->size() <= room);
    if (type == VS_PUBSUB_SUBSCRIBE || type == VS_PUBSUB_FILTER)  // a position, or where the broadcast ring is to be read from
      VS_CHECK(events.empty() || events.size() == 8 || events.size() == sizeof(vs_pubsub_broadcast));
    else if (type != VS_PUBSUB_GET)
      read_all(events);
    if (outcome.result == VS_STATUS_OK && outcome.value != 0) last_value = outcome.value;
  }
  void answer(std::uint64_t, const Frame&, std::span<const std::byte>) override { VS_CHECK(false); }

  std::uint64_t owe(std::size_t room, std::uint16_t type) {
    owed_.emplace(++tickets_, std::pair(room, type));
    return tickets_;
  }
  [[nodiscard]] std::size_t owed() const { return owed_.size(); }
  std::uint64_t last_value = 1;

 private:
  std::map<std::uint64_t, std::pair<std::size_t, std::uint16_t>> owed_;  // room and type, by ticket
  std::uint64_t tickets_ = 0;
};

// Both readers on the same bytes: an event for one is one for the other.
void compare_readers(Program& program) {
  const auto bytes = program.bytes(program.next<std::uint8_t>());
  const auto parts = read_event(bytes);
  const auto room = std::make_unique<vs_event_room>();
  const long read = vs_event_read(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), room.get());
  if (!parts) return;  // a reader in C takes gaps, marks, and names of channels that nobody could publish to
  VS_CHECK(read == static_cast<long>(parts->header.bytes));
  VS_CHECK(room->event.channel == parts->channel && room->event.key == parts->key);
  VS_CHECK(room->event.payload_bytes == parts->payload.size() && room->event.attribute_count == parts->attributes.size());
  const auto* raw = reinterpret_cast<const unsigned char*>(bytes.data());
  const std::size_t head = static_cast<std::size_t>(parts->payload.data() - bytes.data());
  const auto pieces = std::make_unique<vs_event_room>();
  VS_CHECK(vs_event_read_head(raw, head, raw + head, parts->header.bytes - head, pieces.get()) == 0);
  VS_CHECK(pieces->event.payload == room->event.payload && pieces->event.attribute_count == room->event.attribute_count);
  std::vector<unsigned char> again(static_cast<std::size_t>(vs_event_size(&room->event)));
  vs_event_write(&room->event, again.size(), again.data());
  const auto back = read_event(std::as_bytes(std::span(again)));
  VS_CHECK(back.has_value() && back->attributes.size() == parts->attributes.size());
}

// A definition of a channel with lengths that fit: one of few names, and texts out of the input.
std::vector<std::byte> definition(Program& program) {
  static constexpr const char* kNames[]{"a", "b", "c", "a.b", "declared"};
  static constexpr const char* kSources[]{"", "a", "b", "*", ">", "c"};
  const std::string name = kNames[program.next<std::uint8_t>() % std::size(kNames)];
  const std::string source = kSources[program.next<std::uint8_t>() % std::size(kSources)];
  const auto schema = program.bytes(program.next<std::uint8_t>());
  const auto filter = source.empty() ? std::vector<std::byte>() : program.bytes(program.next<std::uint8_t>());
  const auto operators = source.empty() ? std::vector<std::byte>() : program.bytes(program.next<std::uint8_t>());
  const vs_pubsub_parameters parameters{
      .event_bytes_max = 0, .expires_ms = 0, .flags = VS_PUBSUB_DECLARED, .subscribers = 0, .sequence = 0};
  const vs_pubsub_declaration head{.channel_bytes = static_cast<std::uint16_t>(name.size()),
                                   .content_type_bytes = 0,
                                   .schema_bytes = static_cast<std::uint16_t>(schema.size()),
                                   .source_bytes = static_cast<std::uint16_t>(source.size()),
                                   .filter_bytes = static_cast<std::uint16_t>(filter.size()),
                                   .operators_bytes = static_cast<std::uint16_t>(operators.size()),
                                   .reserved = {}};
  std::vector<std::byte> bytes;
  const auto add = [&](std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); };
  add(std::as_bytes(std::span(&parameters, 1)));
  add(std::as_bytes(std::span(&head, 1)));
  add(std::as_bytes(std::span(name)));
  add(schema);
  add(std::as_bytes(std::span(source)));
  add(filter);
  add(operators);
  return bytes;
}

// A guest with rights out of anything: refused, or a guest of some.
void begin_session(PubsubService& service, std::uint64_t session, Program& program) {
  const auto text = program.bytes(program.next<std::uint8_t>());
  const auto rights = nlohmann::json::parse(reinterpret_cast<const char*>(text.data()),
                                            reinterpret_cast<const char*>(text.data() + text.size()), nullptr, false);
  service.session_begun(session, {.service = "bus", .binding = session % 2 == 0 ? "even" : "odd", .rights = rights});
}

void run(Program program) {
  EventLoop loop;
  Sink sink;
  auto service = std::make_unique<PubsubService>(loop);
  const nlohmann::json declared = {{"channels", {{{"name", "declared"}, {"schema", "a int"}}, {{"name", "c"}, {"source", "declared"}}}}};
  VS_CHECK(service->configure({{"bus", declared}}).empty());
  for (std::size_t done = 0; done < kOperationsMax && !program.empty(); ++done) {
    const auto operation = program.next<std::uint8_t>();
    const unsigned what = operation % 16;  // below 8: a request of that type
    switch (what) {
      case 8: service->session_ended(operation >> 6); continue;
      case 9: compare_readers(program); continue;
      case 10: begin_session(*service, operation >> 6, program); continue;
      case 11: loop.run_once(std::chrono::milliseconds(0)); continue;
      default: break;
    }
    const std::size_t room = what >= 8 || (operation & 16) == 0 ? 4096 : program.next<std::uint8_t>();
    const bool defines = what >= 8;
    std::vector<std::byte> payload = defines ? definition(program) : program.bytes(program.next<std::uint8_t>());
    const bool names_one = what >= 2 && what <= 4 && payload.size() >= sizeof sink.last_value;
    if (names_one && (operation & 32) != 0) std::memcpy(payload.data(), &sink.last_value, sizeof sink.last_value);
    const auto type = static_cast<std::uint16_t>(!defines ? VS_PUBSUB_PUBLISH + what
                                                 : (operation & 16) == 0 ? std::uint32_t{VS_PUBSUB_CREATE}
                                                                         : std::uint32_t{VS_PUBSUB_SET});
    service->handle({.service = "bus",
                     .type = type,
                     .payload = payload,
                     .deadline = std::chrono::steady_clock::now() + std::chrono::hours(1),
                     .session = std::uint64_t{operation} >> 6,
                     .answer_bytes_max = room},
                    Reply(sink, sink.owe(room, type)));
  }
  service.reset();
  VS_CHECK(sink.owed() == 0);
}

}  // namespace
}  // namespace vs::pubsub

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vs::pubsub::run(vs::pubsub::Program({data, size}));
  return 0;
}
