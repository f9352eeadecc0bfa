// The backend's end of the control socket: takes vsmgrd's commands, tells it what happens.
//
// vsmgrd may go away and come back; guests are served all the while. One vsmgrd at a time: a new connection takes the old one's
// place. Owned by the loop's thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "dataplane/backend/commanded.h"
#include "dataplane/control/channel.h"

namespace vs {

inline constexpr std::chrono::milliseconds kRefusalPause{200};  // refused opens are told at most that often

class ControlServer {
 public:
  // `listener` is a listening unix stream socket; only root and our own starter may connect.
  ControlServer(EventLoop& loop, UniqueFd listener, std::string kind, Commanded& commanded);
  ~ControlServer();

 private:
  void accept();
  void on_message(std::string_view message);
  void obey(const control::Command& command);
  void send(const control::Event& event);
  void send_samples(std::uint64_t number, std::vector<Sample> samples);
  void tell_refusals_soon();
  void tell_refusals();

  EventLoop& loop_;
  UniqueFd listener_;
  std::string kind_;
  Commanded& commanded_;
  std::unique_ptr<control::Channel> channel_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  uid_t starter_;
};

}  // namespace vs
