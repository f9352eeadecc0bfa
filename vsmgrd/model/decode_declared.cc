#include "vsmgrd/model/decode_declared.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/channel_name.h"
#include "dataplane/filter/chain.h"
#include "dataplane/filter/compile.h"
#include "dataplane/filter/event_schema.h"
#include "vsmgrd/model/decode_channels.h"
#include "vsmgrd/model/fields.h"

namespace vs {
namespace {

constexpr std::chrono::milliseconds kExpiresMax = std::chrono::hours(24 * 7);

class DeclaredReader {
 public:
  DeclaredReader(std::string pointer, std::vector<Problem>& problems) : pointer_(std::move(pointer)), problems_(problems) {}

  void read(const nlohmann::json& list) {
    for (std::size_t at = 0; at < list.size(); ++at) read_one(list[at], at);
    for (std::size_t at = 0; at < channels_.size(); ++at) {
      const DeclaredChannel& one = channels_[at];
      if (one.source.empty() || !sound_[at]) continue;
      if (reaches(one.name, one.name))
        note(at, "source", fmt::format("channel {} would be derived from itself", one.name), "contradiction");
      else
        judge_sources(at);
    }
  }
  std::vector<DeclaredChannel> take() { return std::move(channels_); }

 private:
  void note(std::size_t at, std::string_view member, std::string message, std::string code = "wrong_value") {
    problems_.push_back({.pointer = fmt::format("{}/{}/{}", pointer_, at, member),
                         .message = fmt::format("\"{}\": {}", member, message),
                         .hint = {},
                         .code = std::move(code)});
    sound_[at] = false;
  }

  void read_one(const nlohmann::json& value, std::size_t at) {
    const std::size_t problems_before = problems_.size();
    DeclaredChannel& one = channels_.emplace_back();
    sound_.push_back(true);
    schemas_.emplace_back();
    chains_.emplace_back();
    Fields fields(value, fmt::format("{}/{}", pointer_, at), problems_);
    fields.text("name", one.name, Need::required);
    fields.number("eventBytesMax", one.event_bytes_max, 1, kChannelEventBytesMax);
    fields.duration("expires", one.expires, kExpiresMax);
    fields.flag("retained", one.retained);
    fields.text("contentType", one.content_type, Need::optional);
    fields.text("schema", one.schema, Need::optional);
    const bool derived = fields.text("source", one.source, Need::optional);
    fields.text("filter", one.filter, Need::optional);
    fields.text("operators", one.operators, Need::optional);
    fields.finish();
    if (problems_.size() == problems_before) judge_one(at, derived && !one.source.empty());
    sound_[at] = problems_.size() == problems_before;
  }

  // What can be said of it alone.
  void judge_one(std::size_t at, bool derived) {
    const DeclaredChannel& one = channels_[at];
    if (const auto judged = derived ? pubsub::judge_channel(one.name) : pubsub::judge_pattern(one.name); !judged)
      note(at, "name", judged.error().message);
    if (!names_.insert(one.name).second) note(at, "name", fmt::format("{} is there twice", one.name), "duplicate");
    auto schema = filter::EventSchema::parse(one.schema, one.content_type);
    if (!schema) note(at, one.schema.empty() ? "contentType" : "schema", schema.error().message);
    else schemas_[at] = std::move(*schema);
    for (const auto& [member, text] : {std::pair{"filter", &one.filter}, std::pair{"operators", &one.operators}})
      if (!derived && !text->empty()) note(at, member, "is of a derived channel, and there is no source", "contradiction");
    if (!derived) return;
    if (const auto judged = pubsub::judge_pattern(one.source); !judged) note(at, "source", judged.error().message);
    if (const auto fits = filter::EventSchema().judge_filter(one.filter); !fits) note(at, "filter", fits.error().message);
    auto chain = filter::parse_chain(one.operators);
    const auto fits = chain ? filter::judge_chain(*chain, filter::EventSchema()) : Result<>(fail(chain.error()));
    if (!fits) note(at, "operators", fits.error().message);
    else chains_[at] = std::move(*chain);
  }

  // Whether events of one channel come, by declared derivations, into another.
  [[nodiscard]] bool reaches(const std::string& from, const std::string& to) const {
    std::set<std::string> seen;
    std::vector<std::string> open{from};
    while (!open.empty()) {
      const std::string now = std::move(open.back());
      open.pop_back();
      for (std::size_t at = 0; at < channels_.size(); ++at) {
        const DeclaredChannel& one = channels_[at];
        if (one.source.empty() || !sound_[at] || !pubsub::matches(one.source, now)) continue;
        if (one.name == to) return true;
        if (seen.insert(one.name).second) open.push_back(one.name);
      }
    }
    return false;
  }

  // Its filter and its operators fit one of the channels that it is derived from, if any is declared.
  void judge_sources(std::size_t at) {
    const DeclaredChannel& one = channels_[at];
    std::string filter_misfit, chain_misfit;
    for (std::size_t other = 0; other < channels_.size(); ++other) {
      const DeclaredChannel& source = channels_[other];
      if (!sound_[other] || pubsub::is_wild(source.name) || !pubsub::matches(one.source, source.name)) continue;
      const auto filter_fits = schemas_[other].judge_filter(one.filter);
      const auto chain_fits = filter::judge_chain(chains_[at], schemas_[other]);
      if (filter_fits && chain_fits) return;
      if (!filter_misfit.empty() || !chain_misfit.empty()) continue;
      if (!filter_fits) filter_misfit = filter_fits.error().message + " (channel " + source.name + ")";
      if (!chain_fits) chain_misfit = chain_fits.error().message + " (channel " + source.name + ")";
    }
    if (!filter_misfit.empty()) note(at, "filter", filter_misfit);
    if (!chain_misfit.empty()) note(at, "operators", chain_misfit);
  }

  std::string pointer_;
  std::vector<Problem>& problems_;
  std::vector<DeclaredChannel> channels_;
  std::vector<bool> sound_;  // of each
  std::vector<filter::EventSchema> schemas_;
  std::vector<std::vector<filter::OperatorTerms>> chains_;
  std::set<std::string> names_;
};

}  // namespace

std::vector<DeclaredChannel> decode_declared_channels(const nlohmann::json& value, const std::string& pointer,
                                                      std::vector<Problem>& problems) {
  if (!value.is_array() || value.size() > kDeclaredChannelsMax) {
    problems.push_back({.pointer = pointer,
                        .message = value.is_array() ? fmt::format("\"channels\" has {} entries, at most {} are allowed", value.size(),
                                                                  kDeclaredChannelsMax)
                                                    : "\"channels\" must be a list, is " + describe(value),
                        .hint = {},
                        .code = value.is_array() ? "out_of_range" : "wrong_type"});
    return {};
  }
  DeclaredReader reader(pointer, problems);
  reader.read(value);
  return reader.take();
}

nlohmann::json encode(const DeclaredChannel& channel) {
  nlohmann::json out{{"name", channel.name}};
  if (channel.event_bytes_max != 0) out["eventBytesMax"] = channel.event_bytes_max;
  if (channel.expires.count() != 0) out["expires"] = format_duration(channel.expires);
  if (!channel.retained) out["retained"] = false;
  for (const auto& [member, text] : {std::pair{"contentType", &channel.content_type}, std::pair{"schema", &channel.schema},
                                     std::pair{"source", &channel.source}, std::pair{"filter", &channel.filter},
                                     std::pair{"operators", &channel.operators}})
    if (!text->empty()) out[member] = *text;
  return out;
}

}  // namespace vs
