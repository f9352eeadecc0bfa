#include "vsctl/commands/interrupts.h"

namespace vs::ctl {
namespace {

volatile std::sig_atomic_t interrupts = 0;

}  // namespace

Interrupts::Interrupts() {
  interrupts = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupts = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &before_);
}

Interrupts::~Interrupts() { ::sigaction(SIGINT, &before_, nullptr); }

bool Interrupts::came() const { return interrupts != 0; }

}  // namespace vs::ctl
