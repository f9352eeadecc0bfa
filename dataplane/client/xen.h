/* The guest's end of the Xen transport (abi/xen.h): memory that this process grants, and an event channel.
 *
 * Needs the device nodes /dev/xen/xenbus, gntalloc and evtchn, which stock kernels have. What xen.c keeps of a link. */
#ifndef VSERVICES_CLIENT_XEN_H
#define VSERVICES_CLIENT_XEN_H

#include <stdint.h>

#include "dataplane/abi/xen.h"
#include "dataplane/client/xenbus.h"

struct vs_xen_link {
  struct vs_xenbus bus;
  int memory; /* gntalloc: its end is the end of our grants */
  int bells;  /* evtchn */
  int keeper; /* holds a copy of it, if there is one (abi/keeper.h) */
  uint64_t bells_inode, bells_device; /* tell our descriptor from whatever else got its number */
  uint32_t port;
  uint32_t nonce; /* of this open: ports are used again */
  uint32_t domid; /* ours: another one after a restore or a migration, and then nothing of this is good any more */
  struct vs_xen_directory *directory;
  char frontend[VS_XENBUS_TEXT_MAX]; /* our node, "" before there is one */
  char backend[VS_XENBUS_TEXT_MAX];  /* the backend's node for us */
};

#endif
