// Where domUs come in: watches what they write into xenstore, maps what they grant, and hands them to the loop that serves them.
//
// One for a process, with a thread of its own, because xenstore answers in its own time: loops never wait for it. What a guest
// wrote is judged here before a loop hears of it; what is wrong is written back in words, and the guest's node closed.
// open(), close(), connected() and closed() are thread-safe and do not wait.
// Errors: unavailable, when this is no Xen or there was no right to the device nodes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/transport/transport.h"
#include "dataplane/transport/xen/bells.h"
#include "dataplane/transport/xen/granted_pages.h"
#include "dataplane/transport/xen/xenstore.h"

namespace vs {

inline constexpr std::size_t kXenOpensPerDomainMax = 288;  // nodes of one domain that are not closed: its sessions and some more
inline constexpr std::size_t kXenEventsPerTakeMax = 256;   // of xenstore; then the thread looks at its other work
inline constexpr std::chrono::seconds kXenLogPause{1};     // of one domain

// Names one open of a guest: unique in this process.
enum class XenOpenId : std::uint64_t {};

// A guest that has been let in as far as the loop that is to serve it. The pages are mapped, nothing of them believed.
struct XenArrival {
  XenOpenId id{};
  Hello hello;
  GrantedPages directory;
  GrantedPages region;
  std::uint32_t port = 0;  // of the loop's bells
};

class XenDoor {
 public:
  // What waits at the door for the guests of a device.
  struct Opening {
    std::uint32_t domid = 0;
    std::string device;
    std::string service;
    std::uint32_t region_bytes = 0;
    EventLoop* loop = nullptr;  // on which the next two are called
    std::shared_ptr<Bells> bells;
    std::function<void(XenArrival)> on_arrival;
    std::function<void(XenOpenId)> on_end;  // the guest has gone, or its domain is dying
    std::function<void(const std::string& why)> on_bad_hello;
  };

  // Opens the device nodes and xenstore, for `loops` loops: before privilege is dropped. The thread begins with start().
  static Result<std::unique_ptr<XenDoor>> prepare(std::size_t loops);
  ~XenDoor();
  XenDoor(const XenDoor&) = delete;
  XenDoor& operator=(const XenDoor&) = delete;

  void start();
  // Before the loops end. What is asked of it afterwards is not done; what is announced is withdrawn with the door.
  void stop();
  // Whether take_bells() may be called.
  [[nodiscard]] bool has_bells() const { return !bells_.empty(); }
  // The bells of one more loop; as many times as there are loops.
  std::shared_ptr<Bells> take_bells();

  // Announces the device to the domain, until close(). Callbacks that were under way may come after that.
  std::uint64_t open(Opening opening);
  void close(std::uint64_t opening);

  // The region has its header: the guest may begin.
  void connected(XenOpenId id);
  // It is over, or was refused: then with a status, a reason, and words.
  void closed(XenOpenId id);
  void refused(XenOpenId id, vs_status status, vs_refusal reason, std::string words);

 private:
  struct Open {
    XenOpenId id{};
    std::uint64_t opening = 0;  // 0: none, it was refused before it was known for which device it is
    std::string nonce;  // the guest's word for this open; a number may have another one by now
    std::optional<std::uint32_t> state;
    bool arrived = false;   // a loop has it
    bool answered = false;  // we said it is connected
    bool closed = false;    // we said it is not
  };
  struct Guest {
    std::map<std::string, std::uint64_t> devices;     // openings
    std::map<std::uint32_t, Open> opens;              // by the number of their node
    std::chrono::steady_clock::time_point logged{};
    bool unseen = true;  // its nodes were not looked at yet
  };

  XenDoor(Xenstore store, std::shared_ptr<GrantMapper> mapper, std::vector<std::unique_ptr<Bells>> bells);

  void take_events();
  void announce(std::uint64_t number);
  void withdraw(std::uint64_t number);
  // Another node's backend may have announced the device meanwhile: that stays.
  void retract(const Opening& opening);
  void look_at_guests();
  void look_at_nodes(std::uint32_t domid, bool first);
  void look_at_node(std::uint32_t domid, std::uint32_t node, bool first);
  void remove_frontend(std::uint32_t domid, std::uint32_t node, const std::string& nonce);
  void begin(std::uint32_t domid, std::uint32_t node, Guest& guest);
  struct Trouble {
    vs_status status;
    vs_refusal reason;
    std::string words;
  };
  tl::expected<void, Trouble> admit(std::uint32_t domid, std::uint32_t node, Guest& guest, Open& open);
  void answer(std::uint32_t domid, std::uint32_t node, const std::string& nonce, std::uint32_t state, const Trouble* trouble);
  void misbehaved(std::uint32_t domid, std::uint32_t node, Guest& guest, Open& open, const Trouble& trouble);
  void end(std::uint32_t domid, std::uint32_t node, Guest& guest);
  void tell_end(const Open& open);
  void forget_domain(std::uint32_t domid);
  void clear_home(std::uint32_t domid);
  struct Place {
    std::uint32_t domid;
    std::uint32_t node;
  };
  Open* find(XenOpenId id, Place& place);

  Xenstore store_;
  std::shared_ptr<GrantMapper> mapper_;
  std::vector<std::unique_ptr<Bells>> bells_;
  const std::string owner_;  // of what it announces: two nodes of one machine may serve a guest one after the other
  EventLoop loop_;
  std::uint32_t own_domid_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Opening>> openings_;
  std::map<std::uint32_t, Guest> guests_;  // by domid
  std::map<std::uint64_t, Place> places_;  // of opens
  std::set<std::uint32_t> homes_;          // domids under which we made nodes, to be removed when the domain is gone
  std::atomic<std::uint64_t> next_opening_{1};
  std::uint64_t next_open_ = 1;
  std::thread thread_;
};

}  // namespace vs
