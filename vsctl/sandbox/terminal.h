// Which process group the terminal listened to before a command ran, so that it does again
// afterwards.
//
// A shell inside makes itself the foreground and dies without handing back; without this the
// caller's next read from its terminal would fail. Owned by one thread. Without a terminal it does
// nothing; errors are ignored, for there is no remedy.
#pragma once

#include <sys/types.h>

namespace vs::ctl {

class TerminalForeground {
 public:
  TerminalForeground();
  ~TerminalForeground();
  TerminalForeground(const TerminalForeground&) = delete;
  TerminalForeground& operator=(const TerminalForeground&) = delete;

 private:
  pid_t group_before_ = -1;
};

}  // namespace vs::ctl
