/* Xenstore as a guest's process sees it: requests and watches over /dev/xen/xenbus, without a thread.
 *
 * One thread at a time. Nothing waits longer than its deadline (vs_now_ms). Errors: -ENODEV, this is no Xen guest, or may not see
 * that it is; -ETIMEDOUT; -ENOENT and what else the store says; -EPROTO, it does not speak its protocol. */
#ifndef VSERVICES_CLIENT_XENBUS_H
#define VSERVICES_CLIENT_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VS_XENBUS_TEXT_MAX = 256 }; /* of a path or a value that we use, its zero included */

struct vs_xenbus {
  int fd;
  uint32_t last_request;
  bool fired; /* a watch fired since this was last cleared */
};

int vs_xenbus_open(struct vs_xenbus *bus);
void vs_xenbus_close(struct vs_xenbus *bus);

/* Reads a value into `value`, zero-terminated. -EMSGSIZE when it is longer. */
int vs_xenbus_read(struct vs_xenbus *bus, const char *path, char value[VS_XENBUS_TEXT_MAX], int64_t deadline_ms);
/* The same for a decimal number up to `max`; -ENODATA when the node is empty, -EPROTO when it is anything else. */
int vs_xenbus_read_number(struct vs_xenbus *bus, const char *path, uint32_t max, uint32_t *number, int64_t deadline_ms);
int vs_xenbus_write(struct vs_xenbus *bus, const char *path, const char *value, int64_t deadline_ms);
int vs_xenbus_write_number(struct vs_xenbus *bus, const char *path, uint32_t number, int64_t deadline_ms);
int vs_xenbus_remove(struct vs_xenbus *bus, const char *path, int64_t deadline_ms);
/* From now on `fired` is set when the node, or one below it, changes; and once right away. */
int vs_xenbus_watch(struct vs_xenbus *bus, const char *path, int64_t deadline_ms);
/* Takes what came by itself. To be called when `fd` is readable. */
int vs_xenbus_take_events(struct vs_xenbus *bus);

#endif
