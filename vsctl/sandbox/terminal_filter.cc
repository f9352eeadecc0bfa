#include "vsctl/sandbox/terminal_filter.h"

#include <asm/ioctls.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace vs::ctl {
namespace {

constexpr std::uint32_t kTioclinux = 0x541C;  // <linux/tiocl.h> has its arguments only

#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kOtherArch = AUDIT_ARCH_I386;  // the same kernel serves 32-bit programs
constexpr std::uint32_t kOtherIoctl = 54;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kOtherArch = AUDIT_ARCH_ARM;
constexpr std::uint32_t kOtherIoctl = 54;
#else
#error "name the system call tables of this architecture"
#endif

constexpr std::uint32_t kX32Calls =
    0x40000000;  // a third table behind x86-64's own, unused on Debian: refused whole

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter when_equal(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}
constexpr sock_filter when_at_least(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, yes, no);
}
constexpr sock_filter answer(std::uint32_t verdict) { return BPF_STMT(BPF_RET | BPF_K, verdict); }

// Jumps count the instructions to skip. The kernel looks at the low half of an ioctl's request
// only, and so does this; on a little-endian machine it stands first.
constexpr std::array kFilter{
    /*  0 */ load(offsetof(seccomp_data, arch)),
    /*  1 */ when_equal(kNativeArch, 3, 0),
    /*  2 */ when_equal(kOtherArch, 0, 9),
    /*  3 */ load(offsetof(seccomp_data, nr)),
    /*  4 */ when_equal(kOtherIoctl, 3, 6),
    /*  5 */ load(offsetof(seccomp_data, nr)),
    /*  6 */ when_at_least(kX32Calls, 5, 0),
    /*  7 */ when_equal(SYS_ioctl, 0, 3),
    /*  8 */ load(offsetof(seccomp_data, args) + sizeof(std::uint64_t)),
    /*  9 */ when_equal(TIOCSTI, 3, 0),
    /* 10 */ when_equal(kTioclinux, 2, 0),
    /* 11 */ answer(SECCOMP_RET_ALLOW),
    /* 12 */ answer(SECCOMP_RET_ERRNO | ENOSYS),
    /* 13 */ answer(SECCOMP_RET_ERRNO | EPERM),
};

}  // namespace

Result<> forbid_terminal_injection() {
  std::array<sock_filter, kFilter.size()> filter = kFilter;
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return fail_errno(errno, "install the terminal's filter");
  return {};
}

}  // namespace vs::ctl
