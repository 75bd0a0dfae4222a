#include "engine/config_check_devices.h"

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

void config_check_devices(
        const struct config_listener *listener, size_t index, struct config_places *places)
{
	for (size_t i = 0; i < listener->old_devices.count; i++) {
		const struct config_old_device *device = &listener->old_devices.at[i];

		if (device->name == NULL && !config_places_wrote(places, &device->name))
			complain(places, device, &device->name,
			        "listeners[%zu].old_devices[%zu]: name is missing; right is what "
			        "they are, such as scanner on the 3rd floor",
			        index, i);
		if (device->networks.count == 0 &&
		        (device->networks.at != NULL ||
		                !config_places_wrote(places, &device->networks)))
			complain(places, device, &device->networks,
			        "listeners[%zu].old_devices[%zu]: networks is missing; right are "
			        "theirs, such as 192.168.3.17/32",
			        index, i);
		if (config_networks_hold_everybody(&device->networks))
			remark(places, device, &device->networks,
			        "listeners[%zu].old_devices[%zu].networks: everybody is an old "
			        "device: better are the addresses of those that are",
			        index, i);
		if (device->tls != DEVICE_TLS_UNSET && listener->tls.certificate == NULL)
			complain(places, device, &device->tls,
			        "listeners[%zu].old_devices[%zu].tls: the listener has no TLS; "
			        "right is its tls setting, or none here",
			        index, i);
		if (device->auth_without_tls && listener->users_file == NULL)
			complain(places, device, &device->auth_without_tls,
			        "listeners[%zu].old_devices[%zu].auth_without_tls: nobody signs "
			        "in here; right is the listener's users_file, or none here",
			        index, i);
		if (device->tls == DEVICE_TLS_UNSET && !device->auth_without_tls &&
		        device->bare_lf == BARE_LF_UNSET && !device->tolerant)
			remark(places, device, &device->name,
			        "listeners[%zu].old_devices[%zu]: it lets nothing in: set tls, "
			        "auth_without_tls, bare_lf or tolerant",
			        index, i);
	}
}

bool config_check_devices_sign_in(const struct config_listener *listener)
{
	for (size_t i = 0; i < listener->old_devices.count; i++)
		if (listener->old_devices.at[i].auth_without_tls)
			return true;
	return false;
}
