// The few words between vsctl and the process it makes into a guest, over a socket pair.
//
// Each step waits for the other's, so that neither runs on when the other is gone. One end for each
// process. Errors: unavailable, when the other process ended; or the error that it told.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs::ctl {

enum class Step : char {
  in_user_namespace = 'u',  // guest: map my root
  ready = 'r',              // guest: isolated; my death follows yours
  go_on = 'g',              // vsctl: done, go on
  failed = 'f'              // guest: with an error
};

class Sync {
 public:
  static Result<std::pair<Sync, Sync>> make_pair();

  Result<> tell(Step step);
  Result<> tell(const Error& error);
  // Waits for `step`.
  Result<> await(Step step);
  // Closes every descriptor of the process but this one and the three standard ones, whoever owns
  // them: for a fork that never gives back control to their owners.
  Result<> close_all_else();

 private:
  explicit Sync(int socket) : socket_(socket) {}
  Result<> send(const std::string& message);

  UniqueFd socket_;
};

}  // namespace vs::ctl
