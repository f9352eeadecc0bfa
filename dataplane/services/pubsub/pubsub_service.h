// The service `pubsub`: a space of channels for each configured service, on one loop.
//
// A guest asks to receive before there is an event, and is answered when there is one (or its time is over): each such request is
// room for one batch, so events never wait for a guest in anything but its own queue. Owned by the loop's thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/services/pubsub/broker.h"
#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/service.h"

namespace vs::pubsub {

inline constexpr std::size_t kSubscriptionsPerSessionMax = VS_PUBSUB_SUBSCRIPTIONS_MAX;
inline constexpr std::size_t kQueueEventsMax = 65'536;  // of one subscription; 1024 unless it asks
inline constexpr std::size_t kQueueBytesMax = 16 << 20;
inline constexpr std::size_t kBlockedMax = 256;  // publishers that wait for a subscriber; more lose what they would wait for
inline constexpr std::size_t kDescribedMax = 1000;  // channels told of to people; how many there are is told, too
inline constexpr std::size_t kGuestsMax = 4096;  // whose limits are remembered
inline constexpr std::size_t kReceivesMax = 16;  // of one subscription, unanswered
inline constexpr std::uint32_t kBroadcastBytesLog2 = 24;  // an eighth of it holds the largest event
inline constexpr std::chrono::milliseconds kFramePause{5};  // before a frame is asked for again that was not there

class PubsubService final : public Service {
 public:
  // `make_engine`: of every kind but the embedded one; none: there is no other.
  explicit PubsubService(EventLoop& loop, MakeEngine make_engine = {});
  ~PubsubService() override;

  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>& services) override;
  std::optional<FrameNeeds> frames(std::string_view service) const override;
  bool reads_frames(const SessionGuest& guest) const override;
  void frames_from(FrameSource& source) override { frames_ = &source; }
  void handle(const Request& request, Reply reply) override;
  bool waits(std::uint16_t type) const override { return type == VS_PUBSUB_RECEIVE; }
  void read_attributes(const Request& request, std::span<const std::string> names, std::span<filter::Value> values) override;
  void level_changed(std::uint64_t session, std::uint32_t level) override;
  void session_begun(std::uint64_t session, const SessionGuest& guest) override;
  void recall(std::uint64_t session) override;
  void session_ended(std::uint64_t session) override;
  nlohmann::json describe(std::string_view service) const override;
  std::vector<Sample> samples() const override;

 private:
  class Space;

  EventLoop& loop_;
  FrameSource* frames_ = nullptr;
  MakeEngine make_engine_;
  std::map<std::string, std::unique_ptr<Space>, std::less<>> spaces_;  // by service
};

}  // namespace vs::pubsub
