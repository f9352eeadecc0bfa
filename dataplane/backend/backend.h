// Serves the bindings of one service kind: listens for guests, keeps their sessions, brings requests to the service and
// answers back.
//
// Policy was decided by vsmgrd: what is not granted in the configuration is refused, counted and reported.
// Owned by the loop's thread, as are all its callbacks.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/backend/counters.h"
#include "dataplane/backend/session.h"
#include "dataplane/control/messages.h"
#include "dataplane/services/service.h"
#include "dataplane/transport/local/local_socket.h"

namespace vs {

inline constexpr std::size_t kSessionsMax = 4096;            // of one backend
inline constexpr std::size_t kSessionsPerDomainMax = 256;
inline constexpr std::size_t kHandshakesPerBindingMax = 64;  // connections that have not said hello
inline constexpr int kAcceptsPerEventMax = 16;
inline constexpr std::size_t kHotSessionsMax = 64;           // looked at between two sleeps; others ring
inline constexpr std::chrono::milliseconds kHandshakeTimeout{2000};
inline constexpr std::chrono::milliseconds kAcceptPause{100};  // when descriptors have run out
inline constexpr std::chrono::milliseconds kRequestTimeoutMax{60'000};

inline constexpr std::chrono::milliseconds kActiveWindow{2};  // guests that asked for nothing in it do not count as active

class Backend final : public ReplySink, public Poller {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `directory` holds one directory a domain, with one socket a device.
  Backend(EventLoop& loop, std::string kind, std::unique_ptr<Service> service, std::filesystem::path directory);
  ~Backend() override;

  // Serves exactly `configure` from now on; what cannot be served is told, the rest is.
  control::Applied configure(const control::Configure& configure);
  [[nodiscard]] std::uint64_t config_number() const { return config_number_; }

  [[nodiscard]] std::vector<Sample> samples() const;
  // Called when policy refused an open; once until take_refusals().
  void on_refusal(std::function<void()> callback) { on_refusal_ = std::move(callback); }
  // Refusals since the last call.
  [[nodiscard]] std::vector<control::Refused> take_refusals();

  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

  void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) override;

  bool hot() const override { return !hot_.empty(); }
  std::size_t active(TimePoint now) override;
  bool poll() override;
  bool settle() override;

 private:
  enum class SessionId : std::uint64_t {};

  struct Binding {
    control::BindingConfig config;
    std::optional<LocalListener> listener;
    BindingCounters counters;
    std::size_t handshakes = 0;
    std::uint64_t refusals_reported = 0;
  };
  // A connection that has not said hello yet.
  struct Handshake {
    Binding& binding;
    UniqueFd socket;
    TimerId timer;
  };
  struct LiveSession {
    Binding& binding;
    Session session;
    bool again_scheduled = false;
    std::uint64_t window = 0;  // in which it was served last
    bool hot = false;  // looked at by poll(); its guest was not asked to ring
  };

  Result<> open_binding(Binding& binding);
  void end_guests(Binding& binding);
  void close_listener(Binding& binding);
  void accept(Binding& binding);
  void begin_handshake(Binding& binding, UniqueFd socket);
  void continue_handshake(int socket);
  void end_handshake(int socket);
  void welcome(Binding& binding, UniqueFd socket, const LocalHello& hello);
  void refuse(Binding& binding, int socket, vs_status status);

  void on_session_event(SessionId id, std::uint32_t events);
  void serve(SessionId id);
  void serve_later(SessionId id);
  void end_session(SessionId id, const char* why);
  void break_session(SessionId id, const Error& error);
  bool keep_hot(SessionId id, LiveSession& live);

  EventLoop& loop_;
  std::string kind_;
  std::filesystem::path directory_;
  std::uint64_t config_number_ = 0;
  std::map<std::string, std::unique_ptr<Binding>> bindings_;  // by name
  std::unordered_map<int, Handshake> handshakes_;             // by socket
  std::unordered_map<std::uint64_t, std::unique_ptr<LiveSession>> sessions_;
  std::vector<std::unique_ptr<LiveSession>> ended_;  // may still be on the stack; swept by the loop
  std::unordered_map<std::string, std::size_t> sessions_by_domain_;
  std::uint64_t next_session_ = 1;
  std::vector<std::byte> scratch_;
  std::unique_ptr<Service> service_;
  std::vector<SessionId> hot_;
  std::uint64_t window_ = 1;        // number of the kActiveWindow that runs, and when it began
  TimePoint window_since_{};
  std::size_t active_ = 0;          // sessions served in it
  std::size_t active_before_ = 0;   // in the one before
  std::function<void()> on_refusal_;
  bool refusals_told_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
