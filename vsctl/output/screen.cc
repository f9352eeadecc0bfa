#include "vsctl/output/screen.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace vs::ctl {
namespace {

constexpr const char* kEnter = "\x1b[?1049h\x1b[?25l";  // the other screen, no cursor
constexpr const char* kLeave = "\x1b[?25h\x1b[?1049l";

sigset_t screen_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&signals, one);
  return signals;
}

// A line's first `columns` code points. Lines are printable and of one column each.
std::string_view fitting(std::string_view line, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < line.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(line[at]) & 0xc0U) != 0x80;
    if (begins && seen++ == columns) break;
  }
  return line.substr(0, at);
}

}  // namespace

bool Screen::possible() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

Screen::Screen(std::ostream& out) : out_(out) {
  const sigset_t signals = screen_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  out_ << kEnter << std::flush;
}

Screen::~Screen() {
  out_ << kLeave << std::flush;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  const sigset_t signals = screen_signals();
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void Screen::draw(const std::string& lines) {
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
  std::string shown = "\x1b[H";
  std::string_view rest = lines;
  for (unsigned row = 0; row < size.ws_row; ++row) {
    const auto end = std::min(rest.find('\n'), rest.size());
    shown += fitting(rest.substr(0, end), size.ws_col);
    shown += row + 1 < size.ws_row ? "\x1b[K\r\n" : "\x1b[K";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out_ << shown << std::flush;
}

Screen::Event Screen::wait(std::chrono::steady_clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Event::time;
    std::array<pollfd, 2> ready{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(left.count())) <= 0) continue;
    if (ready[1].revents != 0) {
      signalfd_siginfo signal{};
      if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) continue;
      return signal.ssi_signo == SIGWINCH ? Event::resized : Event::quit;
    }
    char key = 'q';  // a terminal that is gone
    if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q' || key == 3 || key == 4) return Event::quit;
    if (key == 's') return Event::sort;
  }
}

}  // namespace vs::ctl
