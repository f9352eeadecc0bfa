// Messages and records as JSON.
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/migration/message.h"
#include "vsmgrd/migration/record.h"

namespace vs::handoff {
namespace {

using nlohmann::json;

constexpr std::size_t kTextBytesMax = 256;  // of names, ids, secrets
constexpr std::uint64_t kClockMsMax = 1ull << 53;

constexpr std::pair<Verb, std::string_view> kVerbs[]{
    {Verb::check, "check"},   {Verb::prepare, "prepare"}, {Verb::transfer, "transfer"}, {Verb::commit, "commit"},
    {Verb::finish, "finish"}, {Verb::confirm, "confirm"}, {Verb::cancel, "cancel"},     {Verb::ask, "ask"}};
constexpr std::pair<Answer, std::string_view> kAnswers[]{{Answer::none, ""},
                                                         {Answer::ok, "ok"},
                                                         {Answer::later, "later"},
                                                         {Answer::refused, "refused"},
                                                         {Answer::given_back, "givenBack"},
                                                         {Answer::taken_back, "takenBack"}};

template <class Word, std::size_t size>
bool read_word(const std::pair<Word, std::string_view> (&words)[size], std::string_view name, Word& word) {
  for (const auto& [known, text] : words)
    if (text == name) {
      word = known;
      return true;
    }
  return false;
}

// Reads members and remembers the first that is wrong.
class Reader {
 public:
  explicit Reader(const json& from) : from_(from) {
    if (!from.is_object()) wrong_ = "not an object";
  }

  void text(const char* name, std::string& into, std::size_t bytes_max = kTextBytesMax) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_string()) return note(name, "is not text");
    into = value->get<std::string>();
    if (into.size() > bytes_max) note(name, fmt::format("is longer than {} bytes", bytes_max));
  }
  template <class Number>
  void number(const char* name, Number& into, std::uint64_t max) {
    const json* value = find(name);
    if (value == nullptr) return;
    const bool whole = value->is_number_unsigned() || (value->is_number_integer() && value->get<std::int64_t>() >= 0);
    if (!whole || value->get<std::uint64_t>() > max) return note(name, fmt::format("is not a number of at most {}", max));
    into = static_cast<Number>(value->get<std::uint64_t>());
  }
  void flag(const char* name, bool& into) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return note(name, "is neither true nor false");
    into = value->get<bool>();
  }
  template <class Read>
  void list(const char* name, std::size_t max, Read read) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() > max) return note(name, fmt::format("is not a list of at most {}", max));
    for (const json& item : *value) {
      Reader reader(item);
      read(reader);
      if (auto why = reader.wrong(); !why.empty()) return note(name, "holds an item where " + why);
    }
  }
  void note(const char* name, const std::string& why) {
    if (wrong_.empty()) wrong_ = fmt::format("{} {}", name, why);
  }
  // What is wrong; a member that nobody reads is, too.
  std::string wrong() {
    if (wrong_.empty())
      for (const auto& [name, value] : from_.items())
        if (!read_.contains(name)) return fmt::format("{} is not known", name.substr(0, kTextBytesMax));
    return wrong_;
  }

 private:
  const json* find(const char* name) {
    if (!from_.is_object()) return nullptr;
    read_.insert(name);
    const auto found = from_.find(name);
    return found == from_.end() ? nullptr : &*found;
  }

  const json& from_;
  std::set<std::string, std::less<>> read_;
  std::string wrong_;
};

json encode(const std::vector<MovedBinding>& bindings) {
  json list = json::array();
  for (const MovedBinding& moved : bindings) list.push_back({{"name", moved.name}, {"epoch", moved.epoch}});
  return list;
}

void read_bindings(Reader& reader, std::vector<MovedBinding>& bindings) {
  reader.list("bindings", kBindingsMax, [&](Reader& item) {
    MovedBinding moved{.name = {}, .epoch = 0};
    item.text("name", moved.name);
    item.number("epoch", moved.epoch, std::uint64_t{1} << 53U);
    if (moved.name.empty()) item.note("name", "is missing");
    if (moved.epoch == 0) item.note("epoch", "is missing");
    bindings.push_back(std::move(moved));
  });
}

void set_text(json& into, const char* name, const std::string& text) {
  if (!text.empty()) into[name] = text;
}

}  // namespace

std::string_view name_of(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)].second; }
std::string_view name_of(Answer answer) { return kAnswers[static_cast<std::size_t>(answer)].second; }

json encode(const Message& message) {
  json told{{"id", message.id}, {"verb", name_of(message.verb)}, {"from", message.from}, {"to", message.to}, {"version", message.version},
            {"versionOldest", message.version_oldest}};
  set_text(told, "answer", std::string(name_of(message.answer)));
  set_text(told, "cookie", message.cookie);
  set_text(told, "domain", message.domain);
  set_text(told, "secret", message.secret);
  set_text(told, "parcel", message.parcel);
  set_text(told, "nonce", message.nonce);
  set_text(told, "reason", message.reason);
  if (message.clock_ms != 0) told["clockMs"] = message.clock_ms;
  if (!message.bindings.empty()) told["bindings"] = encode(message.bindings);
  for (const BindingState& state : message.states) told["states"].push_back({{"binding", state.binding}, {"state", state.state}});
  return told;
}

Result<Message> decode_message(const json& from) {
  Message message;
  Reader reader(from);
  std::string verb, answer;
  reader.text("id", message.id);
  reader.text("verb", verb);
  reader.text("answer", answer);
  reader.text("from", message.from);
  reader.text("to", message.to);
  reader.text("cookie", message.cookie);
  reader.text("domain", message.domain);
  reader.text("secret", message.secret);
  reader.text("parcel", message.parcel, kParcelBytesMax);
  reader.text("nonce", message.nonce);
  reader.text("reason", message.reason, kReasonBytesMax);
  reader.number("version", message.version, 1'000'000);
  reader.number("versionOldest", message.version_oldest, 1'000'000);
  reader.number("clockMs", message.clock_ms, kClockMsMax);
  read_bindings(reader, message.bindings);
  std::size_t state_bytes = 0;
  reader.list("states", kBindingsMax, [&](Reader& item) {
    BindingState& state = message.states.emplace_back();
    item.text("binding", state.binding);
    item.text("state", state.state, kStatesBytesMax);
    state_bytes += state.state.size();
  });
  if (state_bytes > kStatesBytesMax) reader.note("states", fmt::format("are more than {} bytes", kStatesBytesMax));
  if (!read_word(kVerbs, verb, message.verb)) reader.note("verb", "is none of the protocol");
  if (!read_word(kAnswers, answer, message.answer)) reader.note("answer", "is none of the protocol");
  if (message.id.empty()) reader.note("id", "is missing");
  if (const std::string wrong = reader.wrong(); !wrong.empty()) return fail(ErrorCode::invalid, "handoff message: " + wrong);
  return message;
}

json encode(const Record& record) {
  json kept{{"id", record.id},         {"role", name_of(record.role)},   {"domain", record.domain},   {"node", record.node},
            {"peer", record.peer},     {"version", record.version},      {"phase", name_of(record.phase)},
            {"outcome", name_of(record.outcome)}, {"manual", record.manual}, {"untold", record.untold}, {"unserved", record.unserved},
            {"ownSecret", record.own_secret}, {"peerSecret", record.peer_secret}, {"bindings", encode(record.bindings)}};
  set_text(kept, "parcel", record.parcel);
  set_text(kept, "reason", record.reason);
  return kept;
}

Result<Record> decode_record(const json& from) {
  Record record;
  Reader reader(from);
  std::string role, phase, outcome;
  reader.text("id", record.id);
  reader.text("role", role);
  reader.text("domain", record.domain);
  reader.text("node", record.node);
  reader.text("peer", record.peer);
  reader.number("version", record.version, 1'000'000);
  reader.text("phase", phase);
  reader.text("outcome", outcome);
  reader.flag("manual", record.manual);
  reader.flag("untold", record.untold);
  reader.flag("unserved", record.unserved);
  reader.text("ownSecret", record.own_secret);
  reader.text("peerSecret", record.peer_secret);
  read_bindings(reader, record.bindings);
  reader.text("parcel", record.parcel, kParcelBytesMax);
  reader.text("reason", record.reason, kReasonBytesMax);
  const auto read_role = role_named(role);
  const auto read_phase = phase_named(phase);
  const auto read_outcome = outcome_named(outcome);
  if (!read_role || !read_phase || !read_outcome) reader.note("role, phase or outcome", "is not known");
  if (const std::string wrong = reader.wrong(); !wrong.empty()) return fail(ErrorCode::internal, "handoff record: " + wrong);
  record.role = *read_role;
  record.phase = *read_phase;
  record.outcome = *read_outcome;
  return record;
}

}  // namespace vs::handoff
