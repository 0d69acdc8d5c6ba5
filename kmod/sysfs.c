// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/misc/ashlar: one value a file.
 *
 * Every file is described in Documentation/ABI/testing/sysfs-class-misc-ashlar.
 * The directories of the nodes are in sysfs_node.c.
 */
#include "sysfs.h"

#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include <uapi/linux/ashlar.h>

#include "client.h"
#include "drain.h"
#include "holders.h"
#include "stats.h"
#include "zeroer.h"

static ssize_t abi_version_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", ASHLAR_ABI_VERSION);
}
static DEVICE_ATTR_RO(abi_version);

static ssize_t version_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n", THIS_MODULE->version);
}
static DEVICE_ATTR_RO(version);

static ssize_t imbalance_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%lld\n", stats_imbalance());
}
static DEVICE_ATTR_RO(imbalance);

static ssize_t drain_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", is_draining());
}

static ssize_t drain_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	bool on;
	int err = kstrtobool(buf, &on);

	if (err)
		return err;
	drain_set(on);
	return count;
}
static DEVICE_ATTR_RW(drain);

static ssize_t holders_show_attr(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return holders_show(buf);
}

static struct device_attribute dev_attr_holders =
	__ATTR(holders, 0400, holders_show_attr, NULL);

static struct attribute *root_attrs[] = {
	&dev_attr_abi_version.attr,
	&dev_attr_version.attr,
	&dev_attr_imbalance.attr,
	&dev_attr_drain.attr,
	&dev_attr_holders.attr,
	NULL,
};

static const struct attribute_group root_group = {
	.attrs = root_attrs,
};

/**
 * struct stat_attribute - the file of one counter
 * @attr: the file
 * @stat: the counter
 */
struct stat_attribute {
	struct device_attribute attr;
	enum ashlar_stat stat;
};

static ssize_t stat_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct stat_attribute *stat = container_of(attr, struct stat_attribute,
						   attr);

	return sysfs_emit(buf, "%lld\n", stat_sum(stat->stat));
}

#define X(_name)                                                     \
	static struct stat_attribute stat_attr_##_name = {            \
		.attr = __ATTR(_name, 0444, stat_show, NULL),         \
		.stat = STAT_##_name,                                 \
	};
ASHLAR_COUNTERS(X)
#undef X

static struct attribute *stat_attrs[] = {
#define X(name) &stat_attr_##name.attr.attr,
	ASHLAR_COUNTERS(X)
#undef X
	NULL,
};

static const struct attribute_group stat_group = {
	.name = "stats",
	.attrs = stat_attrs,
};

static ssize_t rate_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%u\n", zeroer_conf.rate);
}

static ssize_t rate_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	unsigned int rate;
	int err = kstrtouint(buf, 0, &rate);

	if (err)
		return err;
	/* A hundred gigabytes a second: HZ times a tenth of it fits. */
	if (rate > 50000)
		return -EINVAL;
	WRITE_ONCE(zeroer_conf.rate, rate);
	zeroers_wake();
	return count;
}
static DEVICE_ATTR_RW(rate);

static ssize_t nice_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%d\n", zeroer_conf.nice);
}

static ssize_t nice_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	int nice, err = kstrtoint(buf, 0, &nice);

	if (err)
		return err;
	if (nice < MIN_NICE || nice > MAX_NICE)
		return -EINVAL;
	zeroer_conf.nice = nice;
	zeroers_reconfigure();
	return count;
}
static DEVICE_ATTR_RW(nice);

static ssize_t idle_only_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", zeroer_conf.idle_only);
}

static ssize_t idle_only_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	int err = kstrtobool(buf, &zeroer_conf.idle_only);

	if (err)
		return err;
	zeroers_reconfigure();
	return count;
}
static DEVICE_ATTR_RW(idle_only);

static ssize_t bypass_cache_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", zeroer_conf.bypass_cache);
}

static ssize_t bypass_cache_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	return kstrtobool(buf, &zeroer_conf.bypass_cache) ?: count;
}
static DEVICE_ATTR_RW(bypass_cache);

static ssize_t cpus_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%*pbl\n", cpumask_pr_args(&zeroer_conf.cpus));
}

static ssize_t cpus_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	cpumask_var_t cpus;
	int err;

	if (!zalloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;
	err = cpulist_parse(buf, cpus);
	if (!err)
		cpumask_copy(&zeroer_conf.cpus, cpus);
	free_cpumask_var(cpus);
	if (err)
		return err;
	zeroers_reconfigure();
	return count;
}
static DEVICE_ATTR_RW(cpus);

static struct attribute *zeroer_attrs[] = {
	&dev_attr_rate.attr,
	&dev_attr_nice.attr,
	&dev_attr_idle_only.attr,
	&dev_attr_bypass_cache.attr,
	&dev_attr_cpus.attr,
	NULL,
};

static const struct attribute_group zeroer_group = {
	.name = "zeroer",
	.attrs = zeroer_attrs,
};

static ssize_t quota_emit(char *buf, unsigned long nr_pages)
{
	return sysfs_emit(buf, "%llu\n", (u64)nr_pages << PAGE_SHIFT);
}

static int quota_parse(const char *buf, unsigned long *ret_nr_pages)
{
	u64 bytes;
	int err = kstrtou64(buf, 0, &bytes);

	if (err)
		return err;
	if (bytes & ~PAGE_MASK)
		return -EINVAL;
	WRITE_ONCE(*ret_nr_pages, bytes >> PAGE_SHIFT);
	return 0;
}

static ssize_t file_limit_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return quota_emit(buf, quota_file_pages);
}

static ssize_t file_limit_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	return quota_parse(buf, &quota_file_pages) ?: count;
}
static DEVICE_ATTR_RW(file_limit);

static ssize_t uid_limit_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return quota_emit(buf, quota_user_pages);
}

static ssize_t uid_limit_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	return quota_parse(buf, &quota_user_pages) ?: count;
}
static DEVICE_ATTR_RW(uid_limit);

static struct attribute *quota_attrs[] = {
	&dev_attr_file_limit.attr,
	&dev_attr_uid_limit.attr,
	NULL,
};

static const struct attribute_group quota_group = {
	.name = "quota",
	.attrs = quota_attrs,
};

const struct attribute_group *sysfs_groups[] = {
	&root_group,
	&stat_group,
	&zeroer_group,
	&quota_group,
	NULL,
};
