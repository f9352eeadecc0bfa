// Serves the guests of one loop: keeps their sessions, brings requests to the service in the scheduler's order, and answers back.
//
// Policy was decided by vsmgrd: what is not granted in the configuration is refused, counted and reported.
// Owned by the loop's thread, as are all its callbacks.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/event_loop.h"
#include "dataplane/backend/binding_answers.h"
#include "dataplane/backend/frame_pools.h"
#include "dataplane/backend/overload.h"
#include "dataplane/backend/quality.h"
#include "dataplane/backend/request_classes.h"
#include "dataplane/backend/scheduler.h"
#include "dataplane/backend/session.h"
#include "dataplane/backend/storm_brake.h"
#include "dataplane/backend/token_bucket.h"
#include "dataplane/backend/tuner.h"
#include "dataplane/control/messages.h"
#include "dataplane/services/service.h"
#include "dataplane/transport/transport.h"

namespace vs {

inline constexpr std::size_t kSessionsMax = 4096;  // of one loop
inline constexpr std::size_t kSessionsPerDomainMax = 256;
inline constexpr std::size_t kHotSessionsMax = 64;  // looked at between two sleeps; others ring
inline constexpr int kRequestsPerTurnMax = 64;      // of one session; then the next guest has its turn
inline constexpr Cost kTurnMax = 10'000;            // of one session, too: so long may another have to wait
inline constexpr std::chrono::microseconds kTurnsTime{10};  // of all guests; then the loop looks around
inline constexpr std::chrono::microseconds kThrottlePauseMin{50};  // between two looks at a guest that waits for its rate
inline constexpr std::chrono::milliseconds kRequestTimeoutMax{60'000};
inline constexpr std::chrono::milliseconds kActiveWindow{2};  // guests that asked for nothing in it do not count as active
inline constexpr std::chrono::seconds kBrokenLogPause{1};     // of one binding
inline constexpr std::chrono::milliseconds kHandoverMax{1'000};  // for what was asked to be answered before a domain goes
inline constexpr std::size_t kMisdeedBytesMax = 256;          // of words that vsmgrd is told
inline constexpr std::chrono::milliseconds kTunerWindow{500};
inline constexpr std::chrono::seconds kRenewalTimeMax{5};     // after it a guest that still asks in its old region is sent away

// What the loops of a process tell each other: how many guests each serves just now. Thread-safe.
struct Neighbours {
  std::atomic<std::size_t> active{0};
};

// The region that a binding's sessions have under these terms.
RegionShape shape_of(const control::Terms& terms);

class Backend final : public ReplySink, public Poller {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Guests come by `transport`. `neighbours` outlives it; nullptr: there are none.
  Backend(EventLoop& loop, std::string kind, std::unique_ptr<Service> service, std::unique_ptr<Transport> transport,
          Neighbours* neighbours = nullptr);
  ~Backend() override;

  // A domain on its way from one loop to another: its bindings with their counters, its share, its sessions. Belongs to nobody's
  // thread; one that is dropped hangs up on its guests.
  struct Departing;

  // Serves exactly `configure` from now on, with the domains that arrive; what cannot be served is told, the rest is.
  control::Applied configure(const control::Configure& configure, std::vector<std::unique_ptr<Departing>> arriving);
  control::Applied configure(const control::Configure& configure);

  // Takes no more requests of a domain, and calls `done` with it, from the loop, once all that it took is answered. Sessions of
  // which that is not so after kHandoverMax, and those that cannot leave their loop, end: their guests ask the next one again.
  // nullptr when the domain is not known.
  void release(const std::string& domain, std::function<void(std::unique_ptr<Departing>)> done);

  // Whether its guests run on its core, too: then it does not look for work, which would keep them from bringing it.
  void share_core(bool shares) { loop_.never_look(shares); }
  // Where the processes of each domain's sessions may run.
  [[nodiscard]] std::vector<control::GuestFound> guests() const;

  [[nodiscard]] std::vector<Sample> samples() const;
  // All about one binding, for people; null when it is not known (schemas/openapi.yaml, BindingLive).
  [[nodiscard]] nlohmann::json describe(const std::string& binding) const;
  // Has the service forget; how many entries.
  std::uint64_t flush(const control::Flush& what);
  // Called when policy refused an open; once until take_refusals().
  void on_refusal(std::function<void()> callback) { on_refusal_ = std::move(callback); }
  // Refusals since the last call.
  [[nodiscard]] std::vector<control::Refused> take_refusals();

  // Takes no session and no request of these bindings any more, and calls `done` from the loop, once: with those that it knows, when all
  // that it had taken of them is answered, or freeze.drain_ms has passed, or end_drain() is called, as a later freeze() does.
  void freeze(const control::Freeze& freeze, std::function<void(std::vector<control::FrozenBinding>)> done);
  void end_drain();
  // Serves them as before: those that were frozen.
  std::vector<std::string> thaw(const std::vector<std::string>& bindings);
  // Has the service use what another node kept for the binding's guest, as far as it is understood.
  void take_over(const std::string& binding, const nlohmann::json& state);

  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

  [[nodiscard]] Lending lending(std::uint64_t ticket, const Frame& frame) const override;
  void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) override;
  void answer(std::uint64_t ticket, const Frame& frame, std::span<const std::byte> words) override;
  void delivers(std::uint64_t ticket, const Delivery& delivery) override;

  bool hot() const override { return !hot_.empty(); }
  bool busy() const override { return !scheduler_.empty(); }
  bool spins() const override { return spinning_ != 0; }
  std::size_t active(TimePoint now) override;
  bool poll() override;
  bool settle() override;

 private:
  // What a domain's sessions share. Kept while a binding names it.
  struct Domain {
    std::size_t sessions = 0;
    std::uint64_t memory_bytes = 0;
    std::array<Flow, kPriorities> flows{Flow(Priority::control), Flow(Priority::deadline), Flow(Priority::normal),
                                        Flow(Priority::bulk)};
  };
  struct Binding {
    control::BindingConfig config;
    control::Terms terms;  // those of `config`, or what became of them by the tuner
    Tuner tuner;
    std::uint64_t requests_tuned = 0;  // as of its last window
    TimePoint tuned_at{};
    Domain* domain = nullptr;
    std::unique_ptr<Entrance> entrance;
    std::shared_ptr<BindingAnswers> answers;  // from its first session on, until the binding changes
    BindingCounters counters;
    TokenBucket bucket;
    std::vector<SessionId> throttled;  // wait for the bucket
    std::uint64_t refusals_reported = 0;
    std::uint64_t misdeeds = 0;  // times the guest broke the protocol
    std::uint64_t misdeeds_reported = 0;
    std::string misdeed;  // the last
    vs_broken broken_last = VS_BROKEN_NOT;
    TimePoint broken_at{};
    TimePoint broken_logged{};
    std::uint64_t broken_unlogged = 0;
    std::unique_ptr<RequestClasses> classes;  // nullptr: nothing was promised
    Quality quality;
    bool frozen = false;    // goes to another node: nothing more is taken
    bool draining = false;  // and what was taken before is still answered
    std::uint64_t shed = 0;
    std::uint64_t shed_before = 0;  // as of the last look at its quality, as are the next
    std::vector<std::array<ClassMeter::Judged, kObjectives>> judged_before;

    [[nodiscard]] Flow& flow(Priority rank) const { return domain->flows[static_cast<std::size_t>(rank)]; }
    [[nodiscard]] Flow& flow() const { return flow(control::rank_of(config.terms.guarantee, config.terms.priority)); }
  };
  struct LiveSession {
    Binding& binding;
    Session session;
    bool takes_renewal;
    std::size_t memory_bytes = 0;  // as the domain was charged for it
    StormBrake brake;
    TimePoint renew_by = TimePoint::max();
    std::uint64_t window = 0;  // in which it was served last
    bool ready = false;        // the scheduler has it
    bool throttled = false;    // its binding's rate has run out
    bool gathering = false;    // waits until more has come (WaitMode::timer)
    bool hears_again = false;  // its doorbell was not heard for a while: a sign may come that nobody gave
    bool shrinks = false;      // its next region has less room for answers: nothing is to wait in this one
    bool hot = false;          // looked at by poll(); its guest was not asked to ring
    bool leaving = false;      // its domain goes to another loop: nothing more is taken
    bool lacks_answers = false;  // some came late, when its binding was frozen: it cannot go on as it is

    [[nodiscard]] bool held() const { return leaving || binding.frozen; }

    // As its region says, which may be older than the binding's terms.
    [[nodiscard]] control::WaitMode wait() { return static_cast<control::WaitMode>(session.link().header().wait_mode); }
  };

  void depart_if_answered(const Domain& domain);
  void depart(const std::string& domain);
  std::vector<SessionId> arrive(std::vector<std::unique_ptr<Departing>> arriving);
  FramePools::Changes configure_frames(const control::Configure& configure);
  Result<> open_binding(Binding& binding);
  void end_guests(Binding& binding);
  void welcome(Binding& binding, Caller& caller);
  static SessionGuest guest_of(const Binding& binding);
  // The binding's table, made when it is needed; nullptr when there is none, or no room for it.
  std::shared_ptr<BindingAnswers> answers_of(Binding& binding);
  void drop_answers(Binding& binding);
  [[nodiscard]] std::vector<SessionId> sessions_of(const Binding& binding) const;
  // Has all sessions go on under other terms, of the same guest: those whose region is to be another one are asked to renew it, or
  // ended.
  void change_terms(Binding& binding, const control::Terms& terms);
  // Has the tuner look at all bindings that it chooses for, and again after its window.
  void watch_tuned();
  void tune_all();
  void offer_renewal(LiveSession& live, bool offered);
  void welcome_renewed(Binding& binding, Caller& caller);
  void on_sign_of_renewed(SessionId id, std::uint32_t renewal, Link::Sign sign);
  void renewed(LiveSession& live, bool spun);
  void charge_memory(LiveSession& live);
  std::uint64_t make_ticket();
  void refuse(Binding& binding, Caller& caller, vs_status status, vs_refusal reason);
  void refuse_by_policy(Binding& binding, Caller& caller);
  void misbehaved(Binding& binding, const std::string& why);

  // ---- going to another node (freezing.cc)
  void end_drain_if_answered();
  void drain_over(std::uint64_t number);
  control::FrozenBinding drained(Binding& binding);

  void on_sign(SessionId id, Link::Sign sign);
  void rang_in_vain(SessionId id, LiveSession& live);
  void hear_again(SessionId id);
  void gather(SessionId id, LiveSession& live);
  void end_gathering(SessionId id);
  void make_ready(SessionId id, LiveSession& live, TimePoint now);
  // ---- what was promised (promises.cc)
  Result<> make_classes(Binding& binding);
  ClassMeter* class_of_next(LiveSession& live);
  [[nodiscard]] Request request_of(const Binding& binding, SessionId id, const TakenRequest& taken, TimePoint now) const;
  // False: it was answered `exhausted` instead of served.
  bool admit(SessionId id, LiveSession& live, const TakenRequest& taken, const Request& request, TimePoint now);
  void tell_level(SessionId id, LiveSession& live);  // to one that begins
  void watch_quality();
  void look_at_quality();
  static bool was_bad(Binding& binding);
  void run_turns();
  TimePoint serve(const Scheduler::Turn& turn, TimePoint begun);
  TimePoint serve_session(SessionId id, LiveSession& live, const Flow& flow, TimePoint begun, Cost budget);
  bool quiet(SessionId id, LiveSession& live);
  void throttle(SessionId id, LiveSession& live, TimePoint now);
  void end_throttle(const std::string& binding);
  void end_session(SessionId id, const char* why);
  void break_session(SessionId id, const Error& error);
  bool keep_hot(SessionId id, LiveSession& live);
  LiveSession* live_session(SessionId id);
  // Has `give` put the answer into the session's ring; it took so many bytes to copy.
  template <class Give>
  void answer_with(std::uint64_t ticket, std::size_t bytes_copied, Give give);

  // What fills the rings of a binding's sessions, in bytes.
  struct Occupancy {
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::uint64_t throttled = 0;  // sessions that wait for the rate
  };
  [[nodiscard]] std::unordered_map<const Binding*, Occupancy> occupancy() const;

  EventLoop& loop_;
  std::string kind_;
  std::unique_ptr<Transport> transport_;
  Neighbours own_neighbours_;
  Neighbours& neighbours_;
  std::map<std::string, std::unique_ptr<Domain>> domains_;    // by name
  std::map<std::string, std::unique_ptr<Binding>> bindings_;  // by name
  std::unordered_map<std::uint64_t, std::unique_ptr<LiveSession>> sessions_;
  std::vector<std::unique_ptr<LiveSession>> ended_;  // may still be on the stack; swept by the loop
  std::vector<std::unique_ptr<Link>> ended_links_;   // the same
  std::uint64_t next_session_ = 1;
  std::vector<std::byte> scratch_;
  FramePools frames_;
  std::unique_ptr<Service> service_;
  Scheduler scheduler_;
  struct Leave {
    std::uint64_t number;
    std::function<void(std::unique_ptr<Departing>)> done;
  };
  std::map<std::string, Leave> leaving_;  // by domain
  struct Drain {
    std::uint64_t number;
    std::vector<std::string> bindings;
    std::function<void(std::vector<control::FrozenBinding>)> done;
  };
  std::optional<Drain> drain_;
  std::uint64_t drains_ = 0;
  TakenOver taken_over_;  // in all
  std::uint64_t leaves_ = 0;
  Overload overload_;
  std::vector<std::byte> preview_;  // as scratch_, for requests that are not taken yet
  bool watches_quality_ = false;
  std::optional<SessionId> serving_;  // whose turn it is: answers that come meanwhile are part of its cost
  std::vector<SessionId> hot_;
  std::size_t spinning_ = 0;        // sessions whose binding wants it
  std::uint64_t window_ = 1;        // number of the kActiveWindow that runs, and when it began
  TimePoint window_since_{};
  std::size_t active_ = 0;          // sessions served in it
  std::size_t active_told_ = 0;     // our part of what the neighbours see
  std::function<void()> on_refusal_;
  bool refusals_told_ = true;
  bool tunes_ = false;  // its timer runs
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
