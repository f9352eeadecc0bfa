// How vsctl ends: one number for each kind of outcome, so that scripts need not read text.
//
// Pure. `vsctl run` ends as its command does, and with these only when the command could not be
// started.
#pragma once

#include "base/result.h"

namespace vs::ctl {

enum class ExitCode : int {
  ok = 0,
  negative = 1,     // the answer is no: access denied (explain), a binding failed (apply), no such
                    // metric (metrics), a domain stays where it is (migrate, drain)
  invalid = 2,      // wrong usage, or a document or request that the daemon refused as invalid
  not_found = 3,    // no such object
  conflict = 4,     // changed by somebody else meanwhile, or still needed by other objects
  denied = 5,       // this user may not do that
  unavailable = 6,  // the daemon cannot be reached, or cannot serve now
  timeout = 7,      // not within --timeout
  failed = 8,       // the operation that was waited for failed; nothing of it stays
  cancelled = 9,    // it was cancelled
  changed = 10,     // apply --detailed-exitcode: something changed
  not_applied = 65,  // committed, and not in force within --timeout; it stays recorded (as in Open vSwitch); in doubt (migrate)
  internal = 70,  // a fault of the daemon, of this program or of the node (disk full); EX_SOFTWARE
                 // of sysexits.h
  interrupted = 130
};

// The same table for people; the footer of `vsctl --help`.
inline constexpr const char* kExitCodesHelp =
    "Exit codes:\n"
    "  0   done; no differences; allowed\n"
    "  1   the answer is no: differences (diff), denied (explain), a binding failed (apply), not so (wait),\n"
    "      no such metric (metrics), a domain stays where it is (migrate, drain)\n"
    "  2   wrong usage, or invalid input\n"
    "  3   no such object\n"
    "  4   conflict: changed meanwhile, or still needed by others\n"
    "  5   this user may not do that\n"
    "  6   the daemon cannot be reached, or cannot serve now\n"
    "  7   not within --timeout\n"
    "  8   the operation failed; nothing of it stays\n"
    "  9   the operation was cancelled\n"
    "  10  apply --detailed-exitcode: something changed\n"
    "  65  committed, but not in force within --timeout; it stays recorded; in doubt where it is served (migrate)\n"
    "  70  a fault of the daemon, of vsctl or of the node\n"
    "  130 interrupted\n"
    "  `vsctl run` ends as its command does: its status, 128 + signal, 126 not executable, 127 not "
    "found.";

constexpr ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid: return ExitCode::invalid;
    case ErrorCode::denied: return ExitCode::denied;
    case ErrorCode::not_found: return ExitCode::not_found;
    case ErrorCode::conflict: return ExitCode::conflict;
    case ErrorCode::exhausted: return ExitCode::internal;
    case ErrorCode::unavailable: return ExitCode::unavailable;
    case ErrorCode::internal: return ExitCode::internal;
  }
  __builtin_unreachable();
}

// For an answer that is not a success. A request that the daemon did not understand is a request we
// should not have sent, or one that was asked of us: both are `invalid`.
constexpr ExitCode exit_code_of_status(int http_status) {
  switch (http_status) {
    case 401:
    case 403: return ExitCode::denied;
    case 404:
    case 410: return ExitCode::not_found;
    case 409:
    case 412: return ExitCode::conflict;
    case 408:
    case 504: return ExitCode::timeout;
    case 429: return ExitCode::internal;
    case 502:
    case 503: return ExitCode::unavailable;
    default:
      return http_status >= 400 && http_status < 500 ? ExitCode::invalid : ExitCode::internal;
  }
}

}  // namespace vs::ctl
