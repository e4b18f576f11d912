// Made from protocol/mesos-v1-fields.tsv by `npm run generate`. Change the table, not this file.
//
// The one in-memory shape of the API: plain objects under the proto's own names.
// - bytes are base64 strings;
// - a 64-bit integer is typed `number`. Decoders yield a `bigint` in its place when it is not a safe integer, and
//   encoders take both, so that it survives the way through; code that computes with such a field narrows it first;
// - doubles are numbers; unset fields are absent (or undefined), and defaults are not filled in.

/** `mesos.v1.FrameworkID` */
export interface FrameworkID {
  value: string;
}

/** `mesos.v1.OfferID` */
export interface OfferID {
  value: string;
}

/** `mesos.v1.AgentID` */
export interface AgentID {
  value: string;
}

/** `mesos.v1.TaskID` */
export interface TaskID {
  value: string;
}

/** `mesos.v1.ExecutorID` */
export interface ExecutorID {
  value: string;
}

/** `mesos.v1.ContainerID` */
export interface ContainerID {
  value: string;
  parent?: ContainerID | undefined;
}

/** `mesos.v1.ResourceProviderID` */
export interface ResourceProviderID {
  value: string;
}

/** `mesos.v1.OperationID` */
export interface OperationID {
  value: string;
}

/** `mesos.v1.TimeInfo` */
export interface TimeInfo {
  nanoseconds: number;
}

/** `mesos.v1.DurationInfo` */
export interface DurationInfo {
  nanoseconds: number;
}

/** `mesos.v1.Address` */
export interface Address {
  hostname?: string | undefined;
  ip?: string | undefined;
  port: number;
}

/** `mesos.v1.URL` */
export interface URL {
  scheme: string;
  address: Address;
  path?: string | undefined;
  query?: Parameter[] | undefined;
  fragment?: string | undefined;
}

/** `mesos.v1.Unavailability` */
export interface Unavailability {
  start: TimeInfo;
  duration?: DurationInfo | undefined;
}

/** `mesos.v1.MachineID` */
export interface MachineID {
  hostname?: string | undefined;
  ip?: string | undefined;
}

/** `mesos.v1.MachineInfo` */
export interface MachineInfo {
  id: MachineID;
  mode?: MachineInfoMode | undefined;
  unavailability?: Unavailability | undefined;
}

/** `mesos.v1.FrameworkInfo` */
export interface FrameworkInfo {
  user: string;
  name: string;
  id?: FrameworkID | undefined;
  /** Default: `0`. */
  failover_timeout?: number | undefined;
  /** Default: `false`. */
  checkpoint?: boolean | undefined;
  /** Default: `*`. @deprecated */
  role?: string | undefined;
  roles?: string[] | undefined;
  hostname?: string | undefined;
  principal?: string | undefined;
  webui_url?: string | undefined;
  capabilities?: FrameworkInfoCapability[] | undefined;
  labels?: Labels | undefined;
  offer_filters?: Record<string, OfferFilters> | undefined;
}

/** `mesos.v1.FrameworkInfo.Capability` */
export interface FrameworkInfoCapability {
  type?: FrameworkInfoCapabilityType | undefined;
}

/** `mesos.v1.CheckInfo` */
export interface CheckInfo {
  type?: CheckInfoType | undefined;
  command?: CheckInfoCommand | undefined;
  http?: CheckInfoHttp | undefined;
  tcp?: CheckInfoTcp | undefined;
  /** Default: `15`. */
  delay_seconds?: number | undefined;
  /** Default: `10`. */
  interval_seconds?: number | undefined;
  /** Default: `20`. */
  timeout_seconds?: number | undefined;
}

/** `mesos.v1.CheckInfo.Command` */
export interface CheckInfoCommand {
  command: CommandInfo;
}

/** `mesos.v1.CheckInfo.Http` */
export interface CheckInfoHttp {
  port: number;
  path?: string | undefined;
}

/** `mesos.v1.CheckInfo.Tcp` */
export interface CheckInfoTcp {
  port: number;
}

/** `mesos.v1.HealthCheck` */
export interface HealthCheck {
  /** Default: `15`. */
  delay_seconds?: number | undefined;
  /** Default: `10`. */
  interval_seconds?: number | undefined;
  /** Default: `20`. */
  timeout_seconds?: number | undefined;
  /** Default: `3`. */
  consecutive_failures?: number | undefined;
  /** Default: `10`. */
  grace_period_seconds?: number | undefined;
  type?: HealthCheckType | undefined;
  command?: CommandInfo | undefined;
  http?: HealthCheckHTTPCheckInfo | undefined;
  tcp?: HealthCheckTCPCheckInfo | undefined;
}

/** `mesos.v1.HealthCheck.HTTPCheckInfo` */
export interface HealthCheckHTTPCheckInfo {
  /** Default: `IPv4`. */
  protocol?: NetworkInfoProtocol | undefined;
  scheme?: string | undefined;
  port: number;
  path?: string | undefined;
  statuses?: number[] | undefined;
}

/** `mesos.v1.HealthCheck.TCPCheckInfo` */
export interface HealthCheckTCPCheckInfo {
  /** Default: `IPv4`. */
  protocol?: NetworkInfoProtocol | undefined;
  port: number;
}

/** `mesos.v1.KillPolicy` */
export interface KillPolicy {
  grace_period?: DurationInfo | undefined;
}

/** `mesos.v1.CommandInfo` */
export interface CommandInfo {
  uris?: CommandInfoURI[] | undefined;
  environment?: Environment | undefined;
  /** Default: `true`. */
  shell?: boolean | undefined;
  value?: string | undefined;
  arguments?: string[] | undefined;
  user?: string | undefined;
}

/** `mesos.v1.CommandInfo.URI` */
export interface CommandInfoURI {
  value: string;
  executable?: boolean | undefined;
  /** Default: `true`. */
  extract?: boolean | undefined;
  cache?: boolean | undefined;
  output_file?: string | undefined;
}

/** `mesos.v1.ExecutorInfo` */
export interface ExecutorInfo {
  type?: ExecutorInfoType | undefined;
  executor_id: ExecutorID;
  framework_id?: FrameworkID | undefined;
  command?: CommandInfo | undefined;
  container?: ContainerInfo | undefined;
  resources?: Resource[] | undefined;
  name?: string | undefined;
  /** @deprecated */
  source?: string | undefined;
  /** Base64. */
  data?: string | undefined;
  discovery?: DiscoveryInfo | undefined;
  shutdown_grace_period?: DurationInfo | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.DomainInfo` */
export interface DomainInfo {
  fault_domain?: DomainInfoFaultDomain | undefined;
}

/** `mesos.v1.DomainInfo.FaultDomain` */
export interface DomainInfoFaultDomain {
  region: DomainInfoFaultDomainRegionInfo;
  zone: DomainInfoFaultDomainZoneInfo;
}

/** `mesos.v1.DomainInfo.FaultDomain.RegionInfo` */
export interface DomainInfoFaultDomainRegionInfo {
  name: string;
}

/** `mesos.v1.DomainInfo.FaultDomain.ZoneInfo` */
export interface DomainInfoFaultDomainZoneInfo {
  name: string;
}

/** `mesos.v1.MasterInfo` */
export interface MasterInfo {
  id: string;
  ip: number;
  /** Default: `5050`. */
  port: number;
  pid?: string | undefined;
  hostname?: string | undefined;
  version?: string | undefined;
  address?: Address | undefined;
  domain?: DomainInfo | undefined;
  capabilities?: MasterInfoCapability[] | undefined;
}

/** `mesos.v1.MasterInfo.Capability` */
export interface MasterInfoCapability {
  type?: MasterInfoCapabilityType | undefined;
}

/** `mesos.v1.AgentInfo` */
export interface AgentInfo {
  hostname: string;
  /** Default: `5051`. */
  port?: number | undefined;
  resources?: Resource[] | undefined;
  attributes?: Attribute[] | undefined;
  id?: AgentID | undefined;
  checkpoint?: boolean | undefined;
  domain?: DomainInfo | undefined;
}

/** `mesos.v1.AgentInfo.Capability` */
export interface AgentInfoCapability {
  type?: AgentInfoCapabilityType | undefined;
}

/** `mesos.v1.CSIPluginContainerInfo` */
export interface CSIPluginContainerInfo {
  services?: CSIPluginContainerInfoService[] | undefined;
  command?: CommandInfo | undefined;
  resources?: Resource[] | undefined;
  container?: ContainerInfo | undefined;
}

/** `mesos.v1.CSIPluginEndpoint` */
export interface CSIPluginEndpoint {
  csi_service: CSIPluginContainerInfoService;
  endpoint: string;
}

/** `mesos.v1.CSIPluginInfo` */
export interface CSIPluginInfo {
  type: string;
  /** Default: `default`. */
  name?: string | undefined;
  containers?: CSIPluginContainerInfo[] | undefined;
  endpoints?: CSIPluginEndpoint[] | undefined;
  target_path_root?: string | undefined;
  target_path_exists?: boolean | undefined;
}

/** `mesos.v1.ResourceProviderInfo` */
export interface ResourceProviderInfo {
  id?: ResourceProviderID | undefined;
  attributes?: Attribute[] | undefined;
  type: string;
  name: string;
  default_reservations?: ResourceReservationInfo[] | undefined;
  storage?: ResourceProviderInfoStorage | undefined;
}

/** `mesos.v1.ResourceProviderInfo.Storage` */
export interface ResourceProviderInfoStorage {
  plugin: CSIPluginInfo;
  reconciliation_interval_seconds?: number | undefined;
}

/** `mesos.v1.Value` */
export interface Value {
  type: ValueType;
  scalar?: ValueScalar | undefined;
  ranges?: ValueRanges | undefined;
  set?: ValueSet | undefined;
  text?: ValueText | undefined;
}

/** `mesos.v1.Value.Scalar` */
export interface ValueScalar {
  value: number;
}

/** `mesos.v1.Value.Range` */
export interface ValueRange {
  begin: number;
  end: number;
}

/** `mesos.v1.Value.Ranges` */
export interface ValueRanges {
  range?: ValueRange[] | undefined;
}

/** `mesos.v1.Value.Set` */
export interface ValueSet {
  item?: string[] | undefined;
}

/** `mesos.v1.Value.Text` */
export interface ValueText {
  value: string;
}

/** `mesos.v1.Attribute` */
export interface Attribute {
  name: string;
  type: ValueType;
  scalar?: ValueScalar | undefined;
  ranges?: ValueRanges | undefined;
  set?: ValueSet | undefined;
  text?: ValueText | undefined;
}

/** `mesos.v1.Resource` */
export interface Resource {
  provider_id?: ResourceProviderID | undefined;
  name: string;
  type: ValueType;
  scalar?: ValueScalar | undefined;
  ranges?: ValueRanges | undefined;
  set?: ValueSet | undefined;
  /** Default: `*`. @deprecated */
  role?: string | undefined;
  allocation_info?: ResourceAllocationInfo | undefined;
  reservation?: ResourceReservationInfo | undefined;
  reservations?: ResourceReservationInfo[] | undefined;
  disk?: ResourceDiskInfo | undefined;
  revocable?: ResourceRevocableInfo | undefined;
  shared?: ResourceSharedInfo | undefined;
}

/** `mesos.v1.Resource.AllocationInfo` */
export interface ResourceAllocationInfo {
  role?: string | undefined;
}

/** `mesos.v1.Resource.ReservationInfo` */
export interface ResourceReservationInfo {
  type?: ResourceReservationInfoType | undefined;
  role?: string | undefined;
  principal?: string | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.Resource.DiskInfo` */
export interface ResourceDiskInfo {
  persistence?: ResourceDiskInfoPersistence | undefined;
  volume?: Volume | undefined;
  source?: ResourceDiskInfoSource | undefined;
}

/** `mesos.v1.Resource.DiskInfo.Persistence` */
export interface ResourceDiskInfoPersistence {
  id: string;
  principal?: string | undefined;
}

/** `mesos.v1.Resource.DiskInfo.Source` */
export interface ResourceDiskInfoSource {
  type: ResourceDiskInfoSourceType;
  path?: ResourceDiskInfoSourcePath | undefined;
  mount?: ResourceDiskInfoSourceMount | undefined;
  vendor?: string | undefined;
  id?: string | undefined;
  metadata?: Labels | undefined;
  profile?: string | undefined;
}

/** `mesos.v1.Resource.DiskInfo.Source.Path` */
export interface ResourceDiskInfoSourcePath {
  root?: string | undefined;
}

/** `mesos.v1.Resource.DiskInfo.Source.Mount` */
export interface ResourceDiskInfoSourceMount {
  root?: string | undefined;
}

/** `mesos.v1.Resource.RevocableInfo` */
export type ResourceRevocableInfo = Record<string, never>;

/** `mesos.v1.Resource.SharedInfo` */
export type ResourceSharedInfo = Record<string, never>;

/** `mesos.v1.TrafficControlStatistics` */
export interface TrafficControlStatistics {
  id: string;
  backlog?: number | undefined;
  bytes?: number | undefined;
  drops?: number | undefined;
  overlimits?: number | undefined;
  packets?: number | undefined;
  qlen?: number | undefined;
  ratebps?: number | undefined;
  ratepps?: number | undefined;
  requeues?: number | undefined;
}

/** `mesos.v1.IpStatistics` */
export interface IpStatistics {
  Forwarding?: number | undefined;
  DefaultTTL?: number | undefined;
  InReceives?: number | undefined;
  InHdrErrors?: number | undefined;
  InAddrErrors?: number | undefined;
  ForwDatagrams?: number | undefined;
  InUnknownProtos?: number | undefined;
  InDiscards?: number | undefined;
  InDelivers?: number | undefined;
  OutRequests?: number | undefined;
  OutDiscards?: number | undefined;
  OutNoRoutes?: number | undefined;
  ReasmTimeout?: number | undefined;
  ReasmReqds?: number | undefined;
  ReasmOKs?: number | undefined;
  ReasmFails?: number | undefined;
  FragOKs?: number | undefined;
  FragFails?: number | undefined;
  FragCreates?: number | undefined;
}

/** `mesos.v1.IcmpStatistics` */
export interface IcmpStatistics {
  InMsgs?: number | undefined;
  InErrors?: number | undefined;
  InCsumErrors?: number | undefined;
  InDestUnreachs?: number | undefined;
  InTimeExcds?: number | undefined;
  InParmProbs?: number | undefined;
  InSrcQuenchs?: number | undefined;
  InRedirects?: number | undefined;
  InEchos?: number | undefined;
  InEchoReps?: number | undefined;
  InTimestamps?: number | undefined;
  InTimestampReps?: number | undefined;
  InAddrMasks?: number | undefined;
  InAddrMaskReps?: number | undefined;
  OutMsgs?: number | undefined;
  OutErrors?: number | undefined;
  OutDestUnreachs?: number | undefined;
  OutTimeExcds?: number | undefined;
  OutParmProbs?: number | undefined;
  OutSrcQuenchs?: number | undefined;
  OutRedirects?: number | undefined;
  OutEchos?: number | undefined;
  OutEchoReps?: number | undefined;
  OutTimestamps?: number | undefined;
  OutTimestampReps?: number | undefined;
  OutAddrMasks?: number | undefined;
  OutAddrMaskReps?: number | undefined;
}

/** `mesos.v1.TcpStatistics` */
export interface TcpStatistics {
  RtoAlgorithm?: number | undefined;
  RtoMin?: number | undefined;
  RtoMax?: number | undefined;
  MaxConn?: number | undefined;
  ActiveOpens?: number | undefined;
  PassiveOpens?: number | undefined;
  AttemptFails?: number | undefined;
  EstabResets?: number | undefined;
  CurrEstab?: number | undefined;
  InSegs?: number | undefined;
  OutSegs?: number | undefined;
  RetransSegs?: number | undefined;
  InErrs?: number | undefined;
  OutRsts?: number | undefined;
  InCsumErrors?: number | undefined;
}

/** `mesos.v1.UdpStatistics` */
export interface UdpStatistics {
  InDatagrams?: number | undefined;
  NoPorts?: number | undefined;
  InErrors?: number | undefined;
  OutDatagrams?: number | undefined;
  RcvbufErrors?: number | undefined;
  SndbufErrors?: number | undefined;
  InCsumErrors?: number | undefined;
  IgnoredMulti?: number | undefined;
}

/** `mesos.v1.SNMPStatistics` */
export interface SNMPStatistics {
  ip_stats?: IpStatistics | undefined;
  icmp_stats?: IcmpStatistics | undefined;
  tcp_stats?: TcpStatistics | undefined;
  udp_stats?: UdpStatistics | undefined;
}

/** `mesos.v1.DiskStatistics` */
export interface DiskStatistics {
  source?: ResourceDiskInfoSource | undefined;
  persistence?: ResourceDiskInfoPersistence | undefined;
  limit_bytes?: number | undefined;
  used_bytes?: number | undefined;
}

/** `mesos.v1.ResourceStatistics` */
export interface ResourceStatistics {
  timestamp: number;
  processes?: number | undefined;
  threads?: number | undefined;
  cpus_user_time_secs?: number | undefined;
  cpus_system_time_secs?: number | undefined;
  cpus_limit?: number | undefined;
  cpus_soft_limit?: number | undefined;
  cpus_nr_periods?: number | undefined;
  cpus_nr_throttled?: number | undefined;
  cpus_throttled_time_secs?: number | undefined;
  mem_total_bytes?: number | undefined;
  mem_total_memsw_bytes?: number | undefined;
  mem_kmem_usage_bytes?: number | undefined;
  mem_kmem_tcp_usage_bytes?: number | undefined;
  mem_limit_bytes?: number | undefined;
  mem_soft_limit_bytes?: number | undefined;
  mem_file_bytes?: number | undefined;
  mem_anon_bytes?: number | undefined;
  mem_cache_bytes?: number | undefined;
  mem_rss_bytes?: number | undefined;
  mem_mapped_file_bytes?: number | undefined;
  mem_swap_bytes?: number | undefined;
  mem_unevictable_bytes?: number | undefined;
  mem_low_pressure_counter?: number | undefined;
  mem_medium_pressure_counter?: number | undefined;
  mem_critical_pressure_counter?: number | undefined;
  disk_limit_bytes?: number | undefined;
  disk_used_bytes?: number | undefined;
  disk_statistics?: DiskStatistics[] | undefined;
  blkio_statistics?: CgroupInfoBlkioStatistics | undefined;
  perf?: PerfStatistics | undefined;
  net_rx_packets?: number | undefined;
  net_rx_bytes?: number | undefined;
  net_rx_errors?: number | undefined;
  net_rx_dropped?: number | undefined;
  net_tx_packets?: number | undefined;
  net_tx_bytes?: number | undefined;
  net_tx_errors?: number | undefined;
  net_tx_dropped?: number | undefined;
  net_tx_rate_limit?: number | undefined;
  net_tx_burst_rate_limit?: number | undefined;
  net_tx_burst_size?: number | undefined;
  net_rx_rate_limit?: number | undefined;
  net_rx_burst_rate_limit?: number | undefined;
  net_rx_burst_size?: number | undefined;
  net_rate_statistics?: ResourceStatisticsRateStatistics | undefined;
  net_ephemeral_ports?: ValueRange | undefined;
  net_tcp_rtt_microsecs_p50?: number | undefined;
  net_tcp_rtt_microsecs_p90?: number | undefined;
  net_tcp_rtt_microsecs_p95?: number | undefined;
  net_tcp_rtt_microsecs_p99?: number | undefined;
  net_tcp_active_connections?: number | undefined;
  net_tcp_time_wait_connections?: number | undefined;
  net_traffic_control_statistics?: TrafficControlStatistics[] | undefined;
  net_snmp_statistics?: SNMPStatistics | undefined;
}

/** `mesos.v1.ResourceStatistics.RatePercentiles` */
export interface ResourceStatisticsRatePercentiles {
  min?: number | undefined;
  max?: number | undefined;
  p50?: number | undefined;
  p90?: number | undefined;
  p95?: number | undefined;
  p99?: number | undefined;
  p999?: number | undefined;
  p9999?: number | undefined;
  samples?: number | undefined;
}

/** `mesos.v1.ResourceStatistics.RateStatistics` */
export interface ResourceStatisticsRateStatistics {
  rx_rate?: ResourceStatisticsRatePercentiles | undefined;
  rx_packet_rate?: ResourceStatisticsRatePercentiles | undefined;
  rx_drop_rate?: ResourceStatisticsRatePercentiles | undefined;
  rx_error_rate?: ResourceStatisticsRatePercentiles | undefined;
  tx_rate?: ResourceStatisticsRatePercentiles | undefined;
  tx_packet_rate?: ResourceStatisticsRatePercentiles | undefined;
  tx_drop_rate?: ResourceStatisticsRatePercentiles | undefined;
  tx_error_rate?: ResourceStatisticsRatePercentiles | undefined;
  sampling_window_secs?: number | undefined;
  sampling_interval_secs?: number | undefined;
}

/** `mesos.v1.ResourceUsage` */
export interface ResourceUsage {
  executors?: ResourceUsageExecutor[] | undefined;
  total?: Resource[] | undefined;
}

/** `mesos.v1.ResourceUsage.Executor` */
export interface ResourceUsageExecutor {
  executor_info: ExecutorInfo;
  allocated?: Resource[] | undefined;
  statistics?: ResourceStatistics | undefined;
  container_id: ContainerID;
  tasks?: ResourceUsageExecutorTask[] | undefined;
}

/** `mesos.v1.ResourceUsage.Executor.Task` */
export interface ResourceUsageExecutorTask {
  name: string;
  id: TaskID;
  resources?: Resource[] | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.PerfStatistics` */
export interface PerfStatistics {
  timestamp: number;
  duration: number;
  cycles?: number | undefined;
  stalled_cycles_frontend?: number | undefined;
  stalled_cycles_backend?: number | undefined;
  instructions?: number | undefined;
  cache_references?: number | undefined;
  cache_misses?: number | undefined;
  branches?: number | undefined;
  branch_misses?: number | undefined;
  bus_cycles?: number | undefined;
  ref_cycles?: number | undefined;
  cpu_clock?: number | undefined;
  task_clock?: number | undefined;
  page_faults?: number | undefined;
  minor_faults?: number | undefined;
  major_faults?: number | undefined;
  context_switches?: number | undefined;
  cpu_migrations?: number | undefined;
  alignment_faults?: number | undefined;
  emulation_faults?: number | undefined;
  l1_dcache_loads?: number | undefined;
  l1_dcache_load_misses?: number | undefined;
  l1_dcache_stores?: number | undefined;
  l1_dcache_store_misses?: number | undefined;
  l1_dcache_prefetches?: number | undefined;
  l1_dcache_prefetch_misses?: number | undefined;
  l1_icache_loads?: number | undefined;
  l1_icache_load_misses?: number | undefined;
  l1_icache_prefetches?: number | undefined;
  l1_icache_prefetch_misses?: number | undefined;
  llc_loads?: number | undefined;
  llc_load_misses?: number | undefined;
  llc_stores?: number | undefined;
  llc_store_misses?: number | undefined;
  llc_prefetches?: number | undefined;
  llc_prefetch_misses?: number | undefined;
  dtlb_loads?: number | undefined;
  dtlb_load_misses?: number | undefined;
  dtlb_stores?: number | undefined;
  dtlb_store_misses?: number | undefined;
  dtlb_prefetches?: number | undefined;
  dtlb_prefetch_misses?: number | undefined;
  itlb_loads?: number | undefined;
  itlb_load_misses?: number | undefined;
  branch_loads?: number | undefined;
  branch_load_misses?: number | undefined;
  node_loads?: number | undefined;
  node_load_misses?: number | undefined;
  node_stores?: number | undefined;
  node_store_misses?: number | undefined;
  node_prefetches?: number | undefined;
  node_prefetch_misses?: number | undefined;
}

/** `mesos.v1.OfferFilters` */
export interface OfferFilters {
  min_allocatable_resources?: OfferFiltersMinAllocatableResources | undefined;
}

/** `mesos.v1.OfferFilters.ResourceQuantities` */
export interface OfferFiltersResourceQuantities {
  quantities?: Record<string, ValueScalar> | undefined;
}

/** `mesos.v1.OfferFilters.MinAllocatableResources` */
export interface OfferFiltersMinAllocatableResources {
  quantities?: OfferFiltersResourceQuantities[] | undefined;
}

/** `mesos.v1.Request` */
export interface Request {
  agent_id?: AgentID | undefined;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.Offer` */
export interface Offer {
  id: OfferID;
  framework_id: FrameworkID;
  agent_id: AgentID;
  hostname: string;
  url?: URL | undefined;
  domain?: DomainInfo | undefined;
  resources?: Resource[] | undefined;
  attributes?: Attribute[] | undefined;
  executor_ids?: ExecutorID[] | undefined;
  unavailability?: Unavailability | undefined;
  allocation_info?: ResourceAllocationInfo | undefined;
}

/** `mesos.v1.Offer.Operation` */
export interface OfferOperation {
  type?: OfferOperationType | undefined;
  id?: OperationID | undefined;
  launch?: OfferOperationLaunch | undefined;
  launch_group?: OfferOperationLaunchGroup | undefined;
  reserve?: OfferOperationReserve | undefined;
  unreserve?: OfferOperationUnreserve | undefined;
  create?: OfferOperationCreate | undefined;
  destroy?: OfferOperationDestroy | undefined;
  grow_volume?: OfferOperationGrowVolume | undefined;
  shrink_volume?: OfferOperationShrinkVolume | undefined;
  create_disk?: OfferOperationCreateDisk | undefined;
  destroy_disk?: OfferOperationDestroyDisk | undefined;
}

/** `mesos.v1.Offer.Operation.Launch` */
export interface OfferOperationLaunch {
  task_infos?: TaskInfo[] | undefined;
}

/** `mesos.v1.Offer.Operation.LaunchGroup` */
export interface OfferOperationLaunchGroup {
  executor: ExecutorInfo;
  task_group: TaskGroupInfo;
}

/** `mesos.v1.Offer.Operation.Reserve` */
export interface OfferOperationReserve {
  source?: Resource[] | undefined;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.Offer.Operation.Unreserve` */
export interface OfferOperationUnreserve {
  resources?: Resource[] | undefined;
}

/** `mesos.v1.Offer.Operation.Create` */
export interface OfferOperationCreate {
  volumes?: Resource[] | undefined;
}

/** `mesos.v1.Offer.Operation.Destroy` */
export interface OfferOperationDestroy {
  volumes?: Resource[] | undefined;
}

/** `mesos.v1.Offer.Operation.GrowVolume` */
export interface OfferOperationGrowVolume {
  volume: Resource;
  addition: Resource;
}

/** `mesos.v1.Offer.Operation.ShrinkVolume` */
export interface OfferOperationShrinkVolume {
  volume: Resource;
  subtract: ValueScalar;
}

/** `mesos.v1.Offer.Operation.CreateDisk` */
export interface OfferOperationCreateDisk {
  source: Resource;
  target_type: ResourceDiskInfoSourceType;
  target_profile?: string | undefined;
}

/** `mesos.v1.Offer.Operation.DestroyDisk` */
export interface OfferOperationDestroyDisk {
  source: Resource;
}

/** `mesos.v1.InverseOffer` */
export interface InverseOffer {
  id: OfferID;
  url?: URL | undefined;
  framework_id: FrameworkID;
  agent_id?: AgentID | undefined;
  unavailability: Unavailability;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.TaskInfo` */
export interface TaskInfo {
  name: string;
  task_id: TaskID;
  agent_id: AgentID;
  resources?: Resource[] | undefined;
  executor?: ExecutorInfo | undefined;
  command?: CommandInfo | undefined;
  container?: ContainerInfo | undefined;
  health_check?: HealthCheck | undefined;
  check?: CheckInfo | undefined;
  kill_policy?: KillPolicy | undefined;
  /** Base64. */
  data?: string | undefined;
  labels?: Labels | undefined;
  discovery?: DiscoveryInfo | undefined;
  max_completion_time?: DurationInfo | undefined;
  limits?: Record<string, ValueScalar> | undefined;
}

/** `mesos.v1.TaskGroupInfo` */
export interface TaskGroupInfo {
  tasks?: TaskInfo[] | undefined;
}

/** `mesos.v1.Task` */
export interface Task {
  name: string;
  task_id: TaskID;
  framework_id: FrameworkID;
  executor_id?: ExecutorID | undefined;
  agent_id: AgentID;
  state: TaskState;
  resources?: Resource[] | undefined;
  statuses?: TaskStatus[] | undefined;
  status_update_state?: TaskState | undefined;
  /** Base64. */
  status_update_uuid?: string | undefined;
  labels?: Labels | undefined;
  discovery?: DiscoveryInfo | undefined;
  container?: ContainerInfo | undefined;
  health_check?: HealthCheck | undefined;
  kill_policy?: KillPolicy | undefined;
  user?: string | undefined;
  limits?: Record<string, ValueScalar> | undefined;
}

/** `mesos.v1.TaskResourceLimitation` */
export interface TaskResourceLimitation {
  resources?: Resource[] | undefined;
}

/** `mesos.v1.UUID` */
export interface UUID {
  /** Base64. */
  value: string;
}

/** `mesos.v1.Operation` */
export interface Operation {
  framework_id?: FrameworkID | undefined;
  agent_id?: AgentID | undefined;
  info: OfferOperation;
  latest_status: OperationStatus;
  statuses?: OperationStatus[] | undefined;
  uuid: UUID;
}

/** `mesos.v1.OperationStatus` */
export interface OperationStatus {
  operation_id?: OperationID | undefined;
  state: OperationState;
  message?: string | undefined;
  converted_resources?: Resource[] | undefined;
  uuid?: UUID | undefined;
  agent_id?: AgentID | undefined;
  resource_provider_id?: ResourceProviderID | undefined;
}

/** `mesos.v1.CheckStatusInfo` */
export interface CheckStatusInfo {
  type?: CheckInfoType | undefined;
  command?: CheckStatusInfoCommand | undefined;
  http?: CheckStatusInfoHttp | undefined;
  tcp?: CheckStatusInfoTcp | undefined;
}

/** `mesos.v1.CheckStatusInfo.Command` */
export interface CheckStatusInfoCommand {
  exit_code?: number | undefined;
}

/** `mesos.v1.CheckStatusInfo.Http` */
export interface CheckStatusInfoHttp {
  status_code?: number | undefined;
}

/** `mesos.v1.CheckStatusInfo.Tcp` */
export interface CheckStatusInfoTcp {
  succeeded?: boolean | undefined;
}

/** `mesos.v1.TaskStatus` */
export interface TaskStatus {
  task_id: TaskID;
  state: TaskState;
  message?: string | undefined;
  source?: TaskStatusSource | undefined;
  reason?: TaskStatusReason | undefined;
  /** Base64. */
  data?: string | undefined;
  agent_id?: AgentID | undefined;
  executor_id?: ExecutorID | undefined;
  timestamp?: number | undefined;
  /** Base64. */
  uuid?: string | undefined;
  healthy?: boolean | undefined;
  check_status?: CheckStatusInfo | undefined;
  labels?: Labels | undefined;
  container_status?: ContainerStatus | undefined;
  unreachable_time?: TimeInfo | undefined;
  limitation?: TaskResourceLimitation | undefined;
}

/** `mesos.v1.Filters` */
export interface Filters {
  /** Default: `5`. */
  refuse_seconds?: number | undefined;
}

/** `mesos.v1.Environment` */
export interface Environment {
  variables?: EnvironmentVariable[] | undefined;
}

/** `mesos.v1.Environment.Variable` */
export interface EnvironmentVariable {
  name: string;
  /** Default: `VALUE`. */
  type?: EnvironmentVariableType | undefined;
  value?: string | undefined;
  secret?: Secret | undefined;
}

/** `mesos.v1.Parameter` */
export interface Parameter {
  key: string;
  value: string;
}

/** `mesos.v1.Parameters` */
export interface Parameters {
  parameter?: Parameter[] | undefined;
}

/** `mesos.v1.Credential` */
export interface Credential {
  principal: string;
  secret?: string | undefined;
}

/** `mesos.v1.Credentials` */
export interface Credentials {
  credentials?: Credential[] | undefined;
}

/** `mesos.v1.Secret` */
export interface Secret {
  type?: SecretType | undefined;
  reference?: SecretReference | undefined;
  value?: SecretValue | undefined;
}

/** `mesos.v1.Secret.Reference` */
export interface SecretReference {
  name: string;
  key?: string | undefined;
}

/** `mesos.v1.Secret.Value` */
export interface SecretValue {
  /** Base64. */
  data: string;
}

/** `mesos.v1.RateLimit` */
export interface RateLimit {
  qps?: number | undefined;
  principal: string;
  capacity?: number | undefined;
}

/** `mesos.v1.RateLimits` */
export interface RateLimits {
  limits?: RateLimit[] | undefined;
  aggregate_default_qps?: number | undefined;
  aggregate_default_capacity?: number | undefined;
}

/** `mesos.v1.Image` */
export interface Image {
  type: ImageType;
  appc?: ImageAppc | undefined;
  docker?: ImageDocker | undefined;
  /** Default: `true`. */
  cached?: boolean | undefined;
}

/** `mesos.v1.Image.Appc` */
export interface ImageAppc {
  name: string;
  id?: string | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.Image.Docker` */
export interface ImageDocker {
  name: string;
  /** @deprecated */
  credential?: Credential | undefined;
  config?: Secret | undefined;
}

/** `mesos.v1.MountPropagation` */
export interface MountPropagation {
  mode?: MountPropagationMode | undefined;
}

/** `mesos.v1.Volume` */
export interface Volume {
  mode: VolumeMode;
  container_path: string;
  host_path?: string | undefined;
  image?: Image | undefined;
  source?: VolumeSource | undefined;
}

/** `mesos.v1.Volume.Source` */
export interface VolumeSource {
  type?: VolumeSourceType | undefined;
  docker_volume?: VolumeSourceDockerVolume | undefined;
  host_path?: VolumeSourceHostPath | undefined;
  sandbox_path?: VolumeSourceSandboxPath | undefined;
  secret?: Secret | undefined;
  csi_volume?: VolumeSourceCSIVolume | undefined;
}

/** `mesos.v1.Volume.Source.DockerVolume` */
export interface VolumeSourceDockerVolume {
  driver?: string | undefined;
  name: string;
  driver_options?: Parameters | undefined;
}

/** `mesos.v1.Volume.Source.HostPath` */
export interface VolumeSourceHostPath {
  path: string;
  mount_propagation?: MountPropagation | undefined;
}

/** `mesos.v1.Volume.Source.SandboxPath` */
export interface VolumeSourceSandboxPath {
  type?: VolumeSourceSandboxPathType | undefined;
  path: string;
}

/** `mesos.v1.Volume.Source.CSIVolume` */
export interface VolumeSourceCSIVolume {
  plugin_name: string;
  static_provisioning?: VolumeSourceCSIVolumeStaticProvisioning | undefined;
}

/** `mesos.v1.Volume.Source.CSIVolume.VolumeCapability` */
export interface VolumeSourceCSIVolumeVolumeCapability {
  block?: VolumeSourceCSIVolumeVolumeCapabilityBlockVolume | undefined;
  mount?: VolumeSourceCSIVolumeVolumeCapabilityMountVolume | undefined;
  access_mode: VolumeSourceCSIVolumeVolumeCapabilityAccessMode;
}

/** `mesos.v1.Volume.Source.CSIVolume.VolumeCapability.BlockVolume` */
export type VolumeSourceCSIVolumeVolumeCapabilityBlockVolume = Record<string, never>;

/** `mesos.v1.Volume.Source.CSIVolume.VolumeCapability.MountVolume` */
export interface VolumeSourceCSIVolumeVolumeCapabilityMountVolume {
  fs_type?: string | undefined;
  mount_flags?: string[] | undefined;
}

/** `mesos.v1.Volume.Source.CSIVolume.VolumeCapability.AccessMode` */
export interface VolumeSourceCSIVolumeVolumeCapabilityAccessMode {
  mode: VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode;
}

/** `mesos.v1.Volume.Source.CSIVolume.StaticProvisioning` */
export interface VolumeSourceCSIVolumeStaticProvisioning {
  volume_id: string;
  volume_capability: VolumeSourceCSIVolumeVolumeCapability;
  node_stage_secrets?: Record<string, Secret> | undefined;
  node_publish_secrets?: Record<string, Secret> | undefined;
  volume_context?: Record<string, string> | undefined;
}

/** `mesos.v1.NetworkInfo` */
export interface NetworkInfo {
  ip_addresses?: NetworkInfoIPAddress[] | undefined;
  name?: string | undefined;
  groups?: string[] | undefined;
  labels?: Labels | undefined;
  port_mappings?: NetworkInfoPortMapping[] | undefined;
}

/** `mesos.v1.NetworkInfo.IPAddress` */
export interface NetworkInfoIPAddress {
  /** Default: `IPv4`. */
  protocol?: NetworkInfoProtocol | undefined;
  ip_address?: string | undefined;
}

/** `mesos.v1.NetworkInfo.PortMapping` */
export interface NetworkInfoPortMapping {
  host_port: number;
  container_port: number;
  protocol?: string | undefined;
}

/** `mesos.v1.CapabilityInfo` */
export interface CapabilityInfo {
  capabilities?: CapabilityInfoCapability[] | undefined;
}

/** `mesos.v1.SeccompInfo` */
export interface SeccompInfo {
  profile_name?: string | undefined;
  unconfined?: boolean | undefined;
}

/** `mesos.v1.LinuxInfo` */
export interface LinuxInfo {
  /** @deprecated */
  capability_info?: CapabilityInfo | undefined;
  bounding_capabilities?: CapabilityInfo | undefined;
  effective_capabilities?: CapabilityInfo | undefined;
  share_pid_namespace?: boolean | undefined;
  seccomp?: SeccompInfo | undefined;
  ipc_mode?: LinuxInfoIpcMode | undefined;
  shm_size?: number | undefined;
  /** Default: `true`. */
  share_cgroups?: boolean | undefined;
}

/** `mesos.v1.RLimitInfo` */
export interface RLimitInfo {
  rlimits?: RLimitInfoRLimit[] | undefined;
}

/** `mesos.v1.RLimitInfo.RLimit` */
export interface RLimitInfoRLimit {
  type?: RLimitInfoRLimitType | undefined;
  hard?: number | undefined;
  soft?: number | undefined;
}

/** `mesos.v1.TTYInfo` */
export interface TTYInfo {
  window_size?: TTYInfoWindowSize | undefined;
}

/** `mesos.v1.TTYInfo.WindowSize` */
export interface TTYInfoWindowSize {
  rows: number;
  columns: number;
}

/** `mesos.v1.ContainerInfo` */
export interface ContainerInfo {
  type: ContainerInfoType;
  volumes?: Volume[] | undefined;
  hostname?: string | undefined;
  docker?: ContainerInfoDockerInfo | undefined;
  mesos?: ContainerInfoMesosInfo | undefined;
  network_infos?: NetworkInfo[] | undefined;
  linux_info?: LinuxInfo | undefined;
  rlimit_info?: RLimitInfo | undefined;
  tty_info?: TTYInfo | undefined;
}

/** `mesos.v1.ContainerInfo.DockerInfo` */
export interface ContainerInfoDockerInfo {
  image: string;
  /** Default: `HOST`. */
  network?: ContainerInfoDockerInfoNetwork | undefined;
  port_mappings?: ContainerInfoDockerInfoPortMapping[] | undefined;
  /** Default: `false`. */
  privileged?: boolean | undefined;
  parameters?: Parameter[] | undefined;
  force_pull_image?: boolean | undefined;
  /** @deprecated */
  volume_driver?: string | undefined;
}

/** `mesos.v1.ContainerInfo.DockerInfo.PortMapping` */
export interface ContainerInfoDockerInfoPortMapping {
  host_port: number;
  container_port: number;
  protocol?: string | undefined;
}

/** `mesos.v1.ContainerInfo.MesosInfo` */
export interface ContainerInfoMesosInfo {
  image?: Image | undefined;
}

/** `mesos.v1.ContainerStatus` */
export interface ContainerStatus {
  container_id?: ContainerID | undefined;
  network_infos?: NetworkInfo[] | undefined;
  cgroup_info?: CgroupInfo | undefined;
  executor_pid?: number | undefined;
}

/** `mesos.v1.CgroupInfo` */
export interface CgroupInfo {
  net_cls?: CgroupInfoNetCls | undefined;
}

/** `mesos.v1.CgroupInfo.Blkio.Value` */
export interface CgroupInfoBlkioValue {
  op?: CgroupInfoBlkioOperation | undefined;
  value?: number | undefined;
}

/** `mesos.v1.CgroupInfo.Blkio.CFQ.Statistics` */
export interface CgroupInfoBlkioCFQStatistics {
  device?: DeviceNumber | undefined;
  sectors?: number | undefined;
  time?: number | undefined;
  io_serviced?: CgroupInfoBlkioValue[] | undefined;
  io_service_bytes?: CgroupInfoBlkioValue[] | undefined;
  io_service_time?: CgroupInfoBlkioValue[] | undefined;
  io_wait_time?: CgroupInfoBlkioValue[] | undefined;
  io_merged?: CgroupInfoBlkioValue[] | undefined;
  io_queued?: CgroupInfoBlkioValue[] | undefined;
}

/** `mesos.v1.CgroupInfo.Blkio.Throttling.Statistics` */
export interface CgroupInfoBlkioThrottlingStatistics {
  device?: DeviceNumber | undefined;
  io_serviced?: CgroupInfoBlkioValue[] | undefined;
  io_service_bytes?: CgroupInfoBlkioValue[] | undefined;
}

/** `mesos.v1.CgroupInfo.Blkio.Statistics` */
export interface CgroupInfoBlkioStatistics {
  cfq?: CgroupInfoBlkioCFQStatistics[] | undefined;
  cfq_recursive?: CgroupInfoBlkioCFQStatistics[] | undefined;
  throttling?: CgroupInfoBlkioThrottlingStatistics[] | undefined;
}

/** `mesos.v1.CgroupInfo.NetCls` */
export interface CgroupInfoNetCls {
  classid?: number | undefined;
}

/** `mesos.v1.Labels` */
export interface Labels {
  labels?: Label[] | undefined;
}

/** `mesos.v1.Label` */
export interface Label {
  key: string;
  value?: string | undefined;
}

/** `mesos.v1.Port` */
export interface Port {
  number: number;
  name?: string | undefined;
  protocol?: string | undefined;
  visibility?: DiscoveryInfoVisibility | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.Ports` */
export interface Ports {
  ports?: Port[] | undefined;
}

/** `mesos.v1.DiscoveryInfo` */
export interface DiscoveryInfo {
  visibility: DiscoveryInfoVisibility;
  name?: string | undefined;
  environment?: string | undefined;
  location?: string | undefined;
  version?: string | undefined;
  ports?: Ports | undefined;
  labels?: Labels | undefined;
}

/** `mesos.v1.WeightInfo` */
export interface WeightInfo {
  weight: number;
  role?: string | undefined;
}

/** `mesos.v1.VersionInfo` */
export interface VersionInfo {
  version: string;
  build_date?: string | undefined;
  build_time?: number | undefined;
  build_user?: string | undefined;
  git_sha?: string | undefined;
  git_branch?: string | undefined;
  git_tag?: string | undefined;
}

/** `mesos.v1.Flag` */
export interface Flag {
  name: string;
  value?: string | undefined;
}

/** `mesos.v1.Role` */
export interface Role {
  name: string;
  weight: number;
  frameworks?: FrameworkID[] | undefined;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.Metric` */
export interface Metric {
  name: string;
  value?: number | undefined;
}

/** `mesos.v1.FileInfo` */
export interface FileInfo {
  path: string;
  nlink?: number | undefined;
  size?: number | undefined;
  mtime?: TimeInfo | undefined;
  mode?: number | undefined;
  uid?: string | undefined;
  gid?: string | undefined;
}

/** `mesos.v1.Device` */
export interface Device {
  path?: string | undefined;
  number?: DeviceNumber | undefined;
}

/** `mesos.v1.Device.Number` */
export interface DeviceNumber {
  major_number: number;
  minor_number: number;
}

/** `mesos.v1.DeviceAccess` */
export interface DeviceAccess {
  device: Device;
  access: DeviceAccessAccess;
}

/** `mesos.v1.DeviceAccess.Access` */
export interface DeviceAccessAccess {
  read?: boolean | undefined;
  write?: boolean | undefined;
  mknod?: boolean | undefined;
}

/** `mesos.v1.DeviceWhitelist` */
export interface DeviceWhitelist {
  allowed_devices?: DeviceAccess[] | undefined;
}

/** `mesos.v1.DrainConfig` */
export interface DrainConfig {
  max_grace_period?: DurationInfo | undefined;
  /** Default: `false`. */
  mark_gone?: boolean | undefined;
}

/** `mesos.v1.DrainInfo` */
export interface DrainInfo {
  state: DrainState;
  config: DrainConfig;
}

/** `mesos.v1.allocator.InverseOfferStatus` */
export interface AllocatorInverseOfferStatus {
  status: AllocatorInverseOfferStatusStatus;
  framework_id: FrameworkID;
  timestamp: TimeInfo;
}

/** `mesos.v1.maintenance.Window` */
export interface MaintenanceWindow {
  machine_ids?: MachineID[] | undefined;
  unavailability: Unavailability;
}

/** `mesos.v1.maintenance.Schedule` */
export interface MaintenanceSchedule {
  windows?: MaintenanceWindow[] | undefined;
}

/** `mesos.v1.maintenance.ClusterStatus` */
export interface MaintenanceClusterStatus {
  draining_machines?: MaintenanceClusterStatusDrainingMachine[] | undefined;
  down_machines?: MachineID[] | undefined;
}

/** `mesos.v1.maintenance.ClusterStatus.DrainingMachine` */
export interface MaintenanceClusterStatusDrainingMachine {
  id: MachineID;
  statuses?: AllocatorInverseOfferStatus[] | undefined;
}

/** `mesos.v1.quota.QuotaInfo` */
export interface QuotaQuotaInfo {
  role?: string | undefined;
  principal?: string | undefined;
  guarantee?: Resource[] | undefined;
}

/** `mesos.v1.quota.QuotaRequest` */
export interface QuotaQuotaRequest {
  force?: boolean | undefined;
  role?: string | undefined;
  guarantee?: Resource[] | undefined;
}

/** `mesos.v1.quota.QuotaConfig` */
export interface QuotaQuotaConfig {
  role: string;
  guarantees?: Record<string, ValueScalar> | undefined;
  limits?: Record<string, ValueScalar> | undefined;
}

/** `mesos.v1.quota.QuotaStatus` */
export interface QuotaQuotaStatus {
  /** @deprecated */
  infos?: QuotaQuotaInfo[] | undefined;
  configs?: QuotaQuotaConfig[] | undefined;
}

/** `mesos.v1.scheduler.Event` */
export interface SchedulerEvent {
  type?: SchedulerEventType | undefined;
  subscribed?: SchedulerEventSubscribed | undefined;
  offers?: SchedulerEventOffers | undefined;
  inverse_offers?: SchedulerEventInverseOffers | undefined;
  rescind?: SchedulerEventRescind | undefined;
  rescind_inverse_offer?: SchedulerEventRescindInverseOffer | undefined;
  update?: SchedulerEventUpdate | undefined;
  update_operation_status?: SchedulerEventUpdateOperationStatus | undefined;
  message?: SchedulerEventMessage | undefined;
  failure?: SchedulerEventFailure | undefined;
  error?: SchedulerEventError | undefined;
}

/** `mesos.v1.scheduler.Event.Subscribed` */
export interface SchedulerEventSubscribed {
  framework_id: FrameworkID;
  heartbeat_interval_seconds?: number | undefined;
  master_info?: MasterInfo | undefined;
}

/** `mesos.v1.scheduler.Event.Offers` */
export interface SchedulerEventOffers {
  offers?: Offer[] | undefined;
}

/** `mesos.v1.scheduler.Event.InverseOffers` */
export interface SchedulerEventInverseOffers {
  inverse_offers?: InverseOffer[] | undefined;
}

/** `mesos.v1.scheduler.Event.Rescind` */
export interface SchedulerEventRescind {
  offer_id: OfferID;
}

/** `mesos.v1.scheduler.Event.RescindInverseOffer` */
export interface SchedulerEventRescindInverseOffer {
  inverse_offer_id: OfferID;
}

/** `mesos.v1.scheduler.Event.Update` */
export interface SchedulerEventUpdate {
  status: TaskStatus;
}

/** `mesos.v1.scheduler.Event.UpdateOperationStatus` */
export interface SchedulerEventUpdateOperationStatus {
  status: OperationStatus;
}

/** `mesos.v1.scheduler.Event.Message` */
export interface SchedulerEventMessage {
  agent_id: AgentID;
  executor_id: ExecutorID;
  /** Base64. */
  data: string;
}

/** `mesos.v1.scheduler.Event.Failure` */
export interface SchedulerEventFailure {
  agent_id?: AgentID | undefined;
  executor_id?: ExecutorID | undefined;
  status?: number | undefined;
}

/** `mesos.v1.scheduler.Event.Error` */
export interface SchedulerEventError {
  message: string;
}

/** `mesos.v1.scheduler.Response` */
export interface SchedulerResponse {
  type?: SchedulerResponseType | undefined;
  /** @deprecated */
  reconcile_operations?: SchedulerResponseReconcileOperations | undefined;
}

/** `mesos.v1.scheduler.Response.ReconcileOperations` */
export interface SchedulerResponseReconcileOperations {
  /** @deprecated */
  operation_statuses?: OperationStatus[] | undefined;
}

/** `mesos.v1.scheduler.AttributeConstraint` */
export interface SchedulerAttributeConstraint {
  selector: SchedulerAttributeConstraintSelector;
  predicate: SchedulerAttributeConstraintPredicate;
}

/** `mesos.v1.scheduler.AttributeConstraint.Selector` */
export interface SchedulerAttributeConstraintSelector {
  pseudoattribute_type?: SchedulerAttributeConstraintSelectorPseudoattributeType | undefined;
  attribute_name?: string | undefined;
}

/** `mesos.v1.scheduler.AttributeConstraint.Predicate` */
export interface SchedulerAttributeConstraintPredicate {
  exists?: SchedulerAttributeConstraintPredicateExists | undefined;
  not_exists?: SchedulerAttributeConstraintPredicateNotExists | undefined;
  text_equals?: SchedulerAttributeConstraintPredicateTextEquals | undefined;
  text_not_equals?: SchedulerAttributeConstraintPredicateTextNotEquals | undefined;
  text_matches?: SchedulerAttributeConstraintPredicateTextMatches | undefined;
  text_not_matches?: SchedulerAttributeConstraintPredicateTextNotMatches | undefined;
}

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.Exists` */
export type SchedulerAttributeConstraintPredicateExists = Record<string, never>;

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.NotExists` */
export type SchedulerAttributeConstraintPredicateNotExists = Record<string, never>;

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.TextEquals` */
export interface SchedulerAttributeConstraintPredicateTextEquals {
  value: string;
}

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.TextNotEquals` */
export interface SchedulerAttributeConstraintPredicateTextNotEquals {
  value: string;
}

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.TextMatches` */
export interface SchedulerAttributeConstraintPredicateTextMatches {
  regex: string;
}

/** `mesos.v1.scheduler.AttributeConstraint.Predicate.TextNotMatches` */
export interface SchedulerAttributeConstraintPredicateTextNotMatches {
  regex: string;
}

/** `mesos.v1.scheduler.OfferConstraints` */
export interface SchedulerOfferConstraints {
  role_constraints?: Record<string, SchedulerOfferConstraintsRoleConstraints> | undefined;
}

/** `mesos.v1.scheduler.OfferConstraints.RoleConstraints` */
export interface SchedulerOfferConstraintsRoleConstraints {
  groups?: SchedulerOfferConstraintsRoleConstraintsGroup[] | undefined;
}

/** `mesos.v1.scheduler.OfferConstraints.RoleConstraints.Group` */
export interface SchedulerOfferConstraintsRoleConstraintsGroup {
  attribute_constraints?: SchedulerAttributeConstraint[] | undefined;
}

/** `mesos.v1.scheduler.Call` */
export interface SchedulerCall {
  framework_id?: FrameworkID | undefined;
  type?: SchedulerCallType | undefined;
  subscribe?: SchedulerCallSubscribe | undefined;
  accept?: SchedulerCallAccept | undefined;
  decline?: SchedulerCallDecline | undefined;
  accept_inverse_offers?: SchedulerCallAcceptInverseOffers | undefined;
  decline_inverse_offers?: SchedulerCallDeclineInverseOffers | undefined;
  revive?: SchedulerCallRevive | undefined;
  kill?: SchedulerCallKill | undefined;
  shutdown?: SchedulerCallShutdown | undefined;
  acknowledge?: SchedulerCallAcknowledge | undefined;
  acknowledge_operation_status?: SchedulerCallAcknowledgeOperationStatus | undefined;
  reconcile?: SchedulerCallReconcile | undefined;
  reconcile_operations?: SchedulerCallReconcileOperations | undefined;
  message?: SchedulerCallMessage | undefined;
  request?: SchedulerCallRequest | undefined;
  suppress?: SchedulerCallSuppress | undefined;
  update_framework?: SchedulerCallUpdateFramework | undefined;
}

/** `mesos.v1.scheduler.Call.Subscribe` */
export interface SchedulerCallSubscribe {
  framework_info: FrameworkInfo;
  suppressed_roles?: string[] | undefined;
  offer_constraints?: SchedulerOfferConstraints | undefined;
}

/** `mesos.v1.scheduler.Call.Accept` */
export interface SchedulerCallAccept {
  offer_ids?: OfferID[] | undefined;
  operations?: OfferOperation[] | undefined;
  filters?: Filters | undefined;
}

/** `mesos.v1.scheduler.Call.Decline` */
export interface SchedulerCallDecline {
  offer_ids?: OfferID[] | undefined;
  filters?: Filters | undefined;
}

/** `mesos.v1.scheduler.Call.AcceptInverseOffers` */
export interface SchedulerCallAcceptInverseOffers {
  inverse_offer_ids?: OfferID[] | undefined;
  filters?: Filters | undefined;
}

/** `mesos.v1.scheduler.Call.DeclineInverseOffers` */
export interface SchedulerCallDeclineInverseOffers {
  inverse_offer_ids?: OfferID[] | undefined;
  filters?: Filters | undefined;
}

/** `mesos.v1.scheduler.Call.Revive` */
export interface SchedulerCallRevive {
  roles?: string[] | undefined;
}

/** `mesos.v1.scheduler.Call.Kill` */
export interface SchedulerCallKill {
  task_id: TaskID;
  agent_id?: AgentID | undefined;
  kill_policy?: KillPolicy | undefined;
}

/** `mesos.v1.scheduler.Call.Shutdown` */
export interface SchedulerCallShutdown {
  executor_id: ExecutorID;
  agent_id: AgentID;
}

/** `mesos.v1.scheduler.Call.Acknowledge` */
export interface SchedulerCallAcknowledge {
  agent_id: AgentID;
  task_id: TaskID;
  /** Base64. */
  uuid: string;
}

/** `mesos.v1.scheduler.Call.AcknowledgeOperationStatus` */
export interface SchedulerCallAcknowledgeOperationStatus {
  agent_id?: AgentID | undefined;
  resource_provider_id?: ResourceProviderID | undefined;
  /** Base64. */
  uuid: string;
  operation_id: OperationID;
}

/** `mesos.v1.scheduler.Call.Reconcile` */
export interface SchedulerCallReconcile {
  tasks?: SchedulerCallReconcileTask[] | undefined;
}

/** `mesos.v1.scheduler.Call.Reconcile.Task` */
export interface SchedulerCallReconcileTask {
  task_id: TaskID;
  agent_id?: AgentID | undefined;
}

/** `mesos.v1.scheduler.Call.ReconcileOperations` */
export interface SchedulerCallReconcileOperations {
  operations?: SchedulerCallReconcileOperationsOperation[] | undefined;
}

/** `mesos.v1.scheduler.Call.ReconcileOperations.Operation` */
export interface SchedulerCallReconcileOperationsOperation {
  operation_id: OperationID;
  agent_id?: AgentID | undefined;
  resource_provider_id?: ResourceProviderID | undefined;
}

/** `mesos.v1.scheduler.Call.Message` */
export interface SchedulerCallMessage {
  agent_id: AgentID;
  executor_id: ExecutorID;
  /** Base64. */
  data: string;
}

/** `mesos.v1.scheduler.Call.Request` */
export interface SchedulerCallRequest {
  requests?: Request[] | undefined;
}

/** `mesos.v1.scheduler.Call.Suppress` */
export interface SchedulerCallSuppress {
  roles?: string[] | undefined;
}

/** `mesos.v1.scheduler.Call.UpdateFramework` */
export interface SchedulerCallUpdateFramework {
  framework_info: FrameworkInfo;
  suppressed_roles?: string[] | undefined;
  offer_constraints?: SchedulerOfferConstraints | undefined;
}

/** `mesos.v1.scheduler.APIResult` */
export interface SchedulerAPIResult {
  status_code: number;
  response?: SchedulerResponse | undefined;
  error?: string | undefined;
}

/** `mesos.v1.executor.Event` */
export interface ExecutorEvent {
  type?: ExecutorEventType | undefined;
  subscribed?: ExecutorEventSubscribed | undefined;
  acknowledged?: ExecutorEventAcknowledged | undefined;
  launch?: ExecutorEventLaunch | undefined;
  launch_group?: ExecutorEventLaunchGroup | undefined;
  kill?: ExecutorEventKill | undefined;
  message?: ExecutorEventMessage | undefined;
  error?: ExecutorEventError | undefined;
}

/** `mesos.v1.executor.Event.Subscribed` */
export interface ExecutorEventSubscribed {
  executor_info: ExecutorInfo;
  framework_info: FrameworkInfo;
  agent_info: AgentInfo;
  container_id?: ContainerID | undefined;
}

/** `mesos.v1.executor.Event.Launch` */
export interface ExecutorEventLaunch {
  task: TaskInfo;
}

/** `mesos.v1.executor.Event.LaunchGroup` */
export interface ExecutorEventLaunchGroup {
  task_group: TaskGroupInfo;
}

/** `mesos.v1.executor.Event.Kill` */
export interface ExecutorEventKill {
  task_id: TaskID;
  kill_policy?: KillPolicy | undefined;
}

/** `mesos.v1.executor.Event.Acknowledged` */
export interface ExecutorEventAcknowledged {
  task_id: TaskID;
  /** Base64. */
  uuid: string;
}

/** `mesos.v1.executor.Event.Message` */
export interface ExecutorEventMessage {
  /** Base64. */
  data: string;
}

/** `mesos.v1.executor.Event.Error` */
export interface ExecutorEventError {
  message: string;
}

/** `mesos.v1.executor.Call` */
export interface ExecutorCall {
  executor_id: ExecutorID;
  framework_id: FrameworkID;
  type?: ExecutorCallType | undefined;
  subscribe?: ExecutorCallSubscribe | undefined;
  update?: ExecutorCallUpdate | undefined;
  message?: ExecutorCallMessage | undefined;
}

/** `mesos.v1.executor.Call.Subscribe` */
export interface ExecutorCallSubscribe {
  unacknowledged_tasks?: TaskInfo[] | undefined;
  unacknowledged_updates?: ExecutorCallUpdate[] | undefined;
}

/** `mesos.v1.executor.Call.Update` */
export interface ExecutorCallUpdate {
  status: TaskStatus;
}

/** `mesos.v1.executor.Call.Message` */
export interface ExecutorCallMessage {
  /** Base64. */
  data: string;
}

/** `mesos.v1.agent.Call` */
export interface AgentCall {
  type?: AgentCallType | undefined;
  get_metrics?: AgentCallGetMetrics | undefined;
  set_logging_level?: AgentCallSetLoggingLevel | undefined;
  list_files?: AgentCallListFiles | undefined;
  read_file?: AgentCallReadFile | undefined;
  get_containers?: AgentCallGetContainers | undefined;
  /** @deprecated */
  launch_nested_container?: AgentCallLaunchNestedContainer | undefined;
  /** @deprecated */
  wait_nested_container?: AgentCallWaitNestedContainer | undefined;
  /** @deprecated */
  kill_nested_container?: AgentCallKillNestedContainer | undefined;
  /** @deprecated */
  remove_nested_container?: AgentCallRemoveNestedContainer | undefined;
  launch_nested_container_session?: AgentCallLaunchNestedContainerSession | undefined;
  attach_container_input?: AgentCallAttachContainerInput | undefined;
  attach_container_output?: AgentCallAttachContainerOutput | undefined;
  launch_container?: AgentCallLaunchContainer | undefined;
  wait_container?: AgentCallWaitContainer | undefined;
  kill_container?: AgentCallKillContainer | undefined;
  remove_container?: AgentCallRemoveContainer | undefined;
  add_resource_provider_config?: AgentCallAddResourceProviderConfig | undefined;
  update_resource_provider_config?: AgentCallUpdateResourceProviderConfig | undefined;
  remove_resource_provider_config?: AgentCallRemoveResourceProviderConfig | undefined;
  mark_resource_provider_gone?: AgentCallMarkResourceProviderGone | undefined;
  prune_images?: AgentCallPruneImages | undefined;
}

/** `mesos.v1.agent.Call.GetMetrics` */
export interface AgentCallGetMetrics {
  timeout?: DurationInfo | undefined;
}

/** `mesos.v1.agent.Call.SetLoggingLevel` */
export interface AgentCallSetLoggingLevel {
  level: number;
  duration: DurationInfo;
}

/** `mesos.v1.agent.Call.ListFiles` */
export interface AgentCallListFiles {
  path: string;
}

/** `mesos.v1.agent.Call.ReadFile` */
export interface AgentCallReadFile {
  path: string;
  offset: number;
  length?: number | undefined;
}

/** `mesos.v1.agent.Call.GetContainers` */
export interface AgentCallGetContainers {
  show_nested?: boolean | undefined;
  show_standalone?: boolean | undefined;
}

/** `mesos.v1.agent.Call.LaunchNestedContainer` */
export interface AgentCallLaunchNestedContainer {
  container_id: ContainerID;
  command?: CommandInfo | undefined;
  container?: ContainerInfo | undefined;
}

/** `mesos.v1.agent.Call.WaitNestedContainer` */
export interface AgentCallWaitNestedContainer {
  container_id: ContainerID;
}

/** `mesos.v1.agent.Call.KillNestedContainer` */
export interface AgentCallKillNestedContainer {
  container_id: ContainerID;
  signal?: number | undefined;
}

/** `mesos.v1.agent.Call.RemoveNestedContainer` */
export interface AgentCallRemoveNestedContainer {
  container_id: ContainerID;
}

/** `mesos.v1.agent.Call.LaunchNestedContainerSession` */
export interface AgentCallLaunchNestedContainerSession {
  container_id: ContainerID;
  command?: CommandInfo | undefined;
  container?: ContainerInfo | undefined;
}

/** `mesos.v1.agent.Call.AttachContainerInput` */
export interface AgentCallAttachContainerInput {
  type?: AgentCallAttachContainerInputType | undefined;
  container_id?: ContainerID | undefined;
  process_io?: AgentProcessIO | undefined;
}

/** `mesos.v1.agent.Call.AttachContainerOutput` */
export interface AgentCallAttachContainerOutput {
  container_id: ContainerID;
}

/** `mesos.v1.agent.Call.LaunchContainer` */
export interface AgentCallLaunchContainer {
  container_id: ContainerID;
  command?: CommandInfo | undefined;
  resources?: Resource[] | undefined;
  container?: ContainerInfo | undefined;
  limits?: Record<string, ValueScalar> | undefined;
}

/** `mesos.v1.agent.Call.WaitContainer` */
export interface AgentCallWaitContainer {
  container_id: ContainerID;
}

/** `mesos.v1.agent.Call.KillContainer` */
export interface AgentCallKillContainer {
  container_id: ContainerID;
  signal?: number | undefined;
}

/** `mesos.v1.agent.Call.RemoveContainer` */
export interface AgentCallRemoveContainer {
  container_id: ContainerID;
}

/** `mesos.v1.agent.Call.AddResourceProviderConfig` */
export interface AgentCallAddResourceProviderConfig {
  info: ResourceProviderInfo;
}

/** `mesos.v1.agent.Call.UpdateResourceProviderConfig` */
export interface AgentCallUpdateResourceProviderConfig {
  info: ResourceProviderInfo;
}

/** `mesos.v1.agent.Call.RemoveResourceProviderConfig` */
export interface AgentCallRemoveResourceProviderConfig {
  type: string;
  name: string;
}

/** `mesos.v1.agent.Call.MarkResourceProviderGone` */
export interface AgentCallMarkResourceProviderGone {
  resource_provider_id: ResourceProviderID;
}

/** `mesos.v1.agent.Call.PruneImages` */
export interface AgentCallPruneImages {
  excluded_images?: Image[] | undefined;
}

/** `mesos.v1.agent.Response` */
export interface AgentResponse {
  type?: AgentResponseType | undefined;
  get_health?: AgentResponseGetHealth | undefined;
  get_flags?: AgentResponseGetFlags | undefined;
  get_version?: AgentResponseGetVersion | undefined;
  get_metrics?: AgentResponseGetMetrics | undefined;
  get_logging_level?: AgentResponseGetLoggingLevel | undefined;
  list_files?: AgentResponseListFiles | undefined;
  read_file?: AgentResponseReadFile | undefined;
  get_state?: AgentResponseGetState | undefined;
  get_containers?: AgentResponseGetContainers | undefined;
  get_frameworks?: AgentResponseGetFrameworks | undefined;
  get_executors?: AgentResponseGetExecutors | undefined;
  get_operations?: AgentResponseGetOperations | undefined;
  get_tasks?: AgentResponseGetTasks | undefined;
  get_agent?: AgentResponseGetAgent | undefined;
  get_resource_providers?: AgentResponseGetResourceProviders | undefined;
  wait_nested_container?: AgentResponseWaitNestedContainer | undefined;
  wait_container?: AgentResponseWaitContainer | undefined;
}

/** `mesos.v1.agent.Response.GetHealth` */
export interface AgentResponseGetHealth {
  healthy: boolean;
}

/** `mesos.v1.agent.Response.GetFlags` */
export interface AgentResponseGetFlags {
  flags?: Flag[] | undefined;
}

/** `mesos.v1.agent.Response.GetVersion` */
export interface AgentResponseGetVersion {
  version_info: VersionInfo;
}

/** `mesos.v1.agent.Response.GetMetrics` */
export interface AgentResponseGetMetrics {
  metrics?: Metric[] | undefined;
}

/** `mesos.v1.agent.Response.GetLoggingLevel` */
export interface AgentResponseGetLoggingLevel {
  level: number;
}

/** `mesos.v1.agent.Response.ListFiles` */
export interface AgentResponseListFiles {
  file_infos?: FileInfo[] | undefined;
}

/** `mesos.v1.agent.Response.ReadFile` */
export interface AgentResponseReadFile {
  size: number;
  /** Base64. */
  data: string;
}

/** `mesos.v1.agent.Response.GetState` */
export interface AgentResponseGetState {
  get_tasks?: AgentResponseGetTasks | undefined;
  get_executors?: AgentResponseGetExecutors | undefined;
  get_frameworks?: AgentResponseGetFrameworks | undefined;
}

/** `mesos.v1.agent.Response.GetContainers` */
export interface AgentResponseGetContainers {
  containers?: AgentResponseGetContainersContainer[] | undefined;
}

/** `mesos.v1.agent.Response.GetContainers.Container` */
export interface AgentResponseGetContainersContainer {
  framework_id?: FrameworkID | undefined;
  executor_id?: ExecutorID | undefined;
  executor_name?: string | undefined;
  container_id: ContainerID;
  container_status?: ContainerStatus | undefined;
  resource_statistics?: ResourceStatistics | undefined;
}

/** `mesos.v1.agent.Response.GetFrameworks` */
export interface AgentResponseGetFrameworks {
  frameworks?: AgentResponseGetFrameworksFramework[] | undefined;
  completed_frameworks?: AgentResponseGetFrameworksFramework[] | undefined;
}

/** `mesos.v1.agent.Response.GetFrameworks.Framework` */
export interface AgentResponseGetFrameworksFramework {
  framework_info: FrameworkInfo;
}

/** `mesos.v1.agent.Response.GetExecutors` */
export interface AgentResponseGetExecutors {
  executors?: AgentResponseGetExecutorsExecutor[] | undefined;
  completed_executors?: AgentResponseGetExecutorsExecutor[] | undefined;
}

/** `mesos.v1.agent.Response.GetExecutors.Executor` */
export interface AgentResponseGetExecutorsExecutor {
  executor_info: ExecutorInfo;
}

/** `mesos.v1.agent.Response.GetOperations` */
export interface AgentResponseGetOperations {
  operations?: Operation[] | undefined;
}

/** `mesos.v1.agent.Response.GetTasks` */
export interface AgentResponseGetTasks {
  pending_tasks?: Task[] | undefined;
  queued_tasks?: Task[] | undefined;
  launched_tasks?: Task[] | undefined;
  terminated_tasks?: Task[] | undefined;
  completed_tasks?: Task[] | undefined;
}

/** `mesos.v1.agent.Response.GetAgent` */
export interface AgentResponseGetAgent {
  agent_info?: AgentInfo | undefined;
  drain_config?: DrainConfig | undefined;
  estimated_drain_start_time?: TimeInfo | undefined;
}

/** `mesos.v1.agent.Response.GetResourceProviders` */
export interface AgentResponseGetResourceProviders {
  resource_providers?: AgentResponseGetResourceProvidersResourceProvider[] | undefined;
}

/** `mesos.v1.agent.Response.GetResourceProviders.ResourceProvider` */
export interface AgentResponseGetResourceProvidersResourceProvider {
  resource_provider_info: ResourceProviderInfo;
  total_resources?: Resource[] | undefined;
}

/** `mesos.v1.agent.Response.WaitNestedContainer` */
export interface AgentResponseWaitNestedContainer {
  exit_status?: number | undefined;
  state?: TaskState | undefined;
  reason?: TaskStatusReason | undefined;
  limitation?: TaskResourceLimitation | undefined;
  message?: string | undefined;
}

/** `mesos.v1.agent.Response.WaitContainer` */
export interface AgentResponseWaitContainer {
  exit_status?: number | undefined;
  state?: TaskState | undefined;
  reason?: TaskStatusReason | undefined;
  limitation?: TaskResourceLimitation | undefined;
  message?: string | undefined;
}

/** `mesos.v1.agent.ProcessIO` */
export interface AgentProcessIO {
  type?: AgentProcessIOType | undefined;
  data?: AgentProcessIOData | undefined;
  control?: AgentProcessIOControl | undefined;
}

/** `mesos.v1.agent.ProcessIO.Data` */
export interface AgentProcessIOData {
  type?: AgentProcessIODataType | undefined;
  /** Base64. */
  data?: string | undefined;
}

/** `mesos.v1.agent.ProcessIO.Control` */
export interface AgentProcessIOControl {
  type?: AgentProcessIOControlType | undefined;
  tty_info?: TTYInfo | undefined;
  heartbeat?: AgentProcessIOControlHeartbeat | undefined;
}

/** `mesos.v1.agent.ProcessIO.Control.Heartbeat` */
export interface AgentProcessIOControlHeartbeat {
  interval?: DurationInfo | undefined;
}

/** `mesos.v1.master.Call` */
export interface MasterCall {
  type?: MasterCallType | undefined;
  get_metrics?: MasterCallGetMetrics | undefined;
  set_logging_level?: MasterCallSetLoggingLevel | undefined;
  list_files?: MasterCallListFiles | undefined;
  read_file?: MasterCallReadFile | undefined;
  update_weights?: MasterCallUpdateWeights | undefined;
  reserve_resources?: MasterCallReserveResources | undefined;
  unreserve_resources?: MasterCallUnreserveResources | undefined;
  create_volumes?: MasterCallCreateVolumes | undefined;
  destroy_volumes?: MasterCallDestroyVolumes | undefined;
  grow_volume?: MasterCallGrowVolume | undefined;
  shrink_volume?: MasterCallShrinkVolume | undefined;
  update_maintenance_schedule?: MasterCallUpdateMaintenanceSchedule | undefined;
  start_maintenance?: MasterCallStartMaintenance | undefined;
  stop_maintenance?: MasterCallStopMaintenance | undefined;
  drain_agent?: MasterCallDrainAgent | undefined;
  deactivate_agent?: MasterCallDeactivateAgent | undefined;
  reactivate_agent?: MasterCallReactivateAgent | undefined;
  update_quota?: MasterCallUpdateQuota | undefined;
  teardown?: MasterCallTeardown | undefined;
  mark_agent_gone?: MasterCallMarkAgentGone | undefined;
  /** @deprecated */
  set_quota?: MasterCallSetQuota | undefined;
  /** @deprecated */
  remove_quota?: MasterCallRemoveQuota | undefined;
}

/** `mesos.v1.master.Call.GetMetrics` */
export interface MasterCallGetMetrics {
  timeout?: DurationInfo | undefined;
}

/** `mesos.v1.master.Call.SetLoggingLevel` */
export interface MasterCallSetLoggingLevel {
  level: number;
  duration: DurationInfo;
}

/** `mesos.v1.master.Call.ListFiles` */
export interface MasterCallListFiles {
  path: string;
}

/** `mesos.v1.master.Call.ReadFile` */
export interface MasterCallReadFile {
  path: string;
  offset: number;
  length?: number | undefined;
}

/** `mesos.v1.master.Call.UpdateWeights` */
export interface MasterCallUpdateWeights {
  weight_infos?: WeightInfo[] | undefined;
}

/** `mesos.v1.master.Call.ReserveResources` */
export interface MasterCallReserveResources {
  agent_id: AgentID;
  source?: Resource[] | undefined;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.master.Call.UnreserveResources` */
export interface MasterCallUnreserveResources {
  agent_id: AgentID;
  resources?: Resource[] | undefined;
}

/** `mesos.v1.master.Call.CreateVolumes` */
export interface MasterCallCreateVolumes {
  agent_id: AgentID;
  volumes?: Resource[] | undefined;
}

/** `mesos.v1.master.Call.DestroyVolumes` */
export interface MasterCallDestroyVolumes {
  agent_id: AgentID;
  volumes?: Resource[] | undefined;
}

/** `mesos.v1.master.Call.GrowVolume` */
export interface MasterCallGrowVolume {
  agent_id?: AgentID | undefined;
  volume: Resource;
  addition: Resource;
}

/** `mesos.v1.master.Call.ShrinkVolume` */
export interface MasterCallShrinkVolume {
  agent_id?: AgentID | undefined;
  volume: Resource;
  subtract: ValueScalar;
}

/** `mesos.v1.master.Call.UpdateMaintenanceSchedule` */
export interface MasterCallUpdateMaintenanceSchedule {
  schedule: MaintenanceSchedule;
}

/** `mesos.v1.master.Call.StartMaintenance` */
export interface MasterCallStartMaintenance {
  machines?: MachineID[] | undefined;
}

/** `mesos.v1.master.Call.StopMaintenance` */
export interface MasterCallStopMaintenance {
  machines?: MachineID[] | undefined;
}

/** `mesos.v1.master.Call.DrainAgent` */
export interface MasterCallDrainAgent {
  agent_id: AgentID;
  max_grace_period?: Duration | undefined;
  /** Default: `false`. */
  mark_gone?: boolean | undefined;
}

/** `mesos.v1.master.Call.DeactivateAgent` */
export interface MasterCallDeactivateAgent {
  agent_id: AgentID;
}

/** `mesos.v1.master.Call.ReactivateAgent` */
export interface MasterCallReactivateAgent {
  agent_id: AgentID;
}

/** `mesos.v1.master.Call.UpdateQuota` */
export interface MasterCallUpdateQuota {
  force?: boolean | undefined;
  quota_configs?: QuotaQuotaConfig[] | undefined;
}

/** `mesos.v1.master.Call.SetQuota` */
export interface MasterCallSetQuota {
  quota_request: QuotaQuotaRequest;
}

/** `mesos.v1.master.Call.RemoveQuota` */
export interface MasterCallRemoveQuota {
  role: string;
}

/** `mesos.v1.master.Call.Teardown` */
export interface MasterCallTeardown {
  framework_id: FrameworkID;
}

/** `mesos.v1.master.Call.MarkAgentGone` */
export interface MasterCallMarkAgentGone {
  agent_id: AgentID;
}

/** `mesos.v1.master.Response` */
export interface MasterResponse {
  type?: MasterResponseType | undefined;
  get_health?: MasterResponseGetHealth | undefined;
  get_flags?: MasterResponseGetFlags | undefined;
  get_version?: MasterResponseGetVersion | undefined;
  get_metrics?: MasterResponseGetMetrics | undefined;
  get_logging_level?: MasterResponseGetLoggingLevel | undefined;
  list_files?: MasterResponseListFiles | undefined;
  read_file?: MasterResponseReadFile | undefined;
  get_state?: MasterResponseGetState | undefined;
  get_agents?: MasterResponseGetAgents | undefined;
  get_frameworks?: MasterResponseGetFrameworks | undefined;
  get_executors?: MasterResponseGetExecutors | undefined;
  get_operations?: MasterResponseGetOperations | undefined;
  get_tasks?: MasterResponseGetTasks | undefined;
  get_roles?: MasterResponseGetRoles | undefined;
  get_weights?: MasterResponseGetWeights | undefined;
  get_master?: MasterResponseGetMaster | undefined;
  get_maintenance_status?: MasterResponseGetMaintenanceStatus | undefined;
  get_maintenance_schedule?: MasterResponseGetMaintenanceSchedule | undefined;
  get_quota?: MasterResponseGetQuota | undefined;
}

/** `mesos.v1.master.Response.GetHealth` */
export interface MasterResponseGetHealth {
  healthy: boolean;
}

/** `mesos.v1.master.Response.GetFlags` */
export interface MasterResponseGetFlags {
  flags?: Flag[] | undefined;
}

/** `mesos.v1.master.Response.GetVersion` */
export interface MasterResponseGetVersion {
  version_info: VersionInfo;
}

/** `mesos.v1.master.Response.GetMetrics` */
export interface MasterResponseGetMetrics {
  metrics?: Metric[] | undefined;
}

/** `mesos.v1.master.Response.GetLoggingLevel` */
export interface MasterResponseGetLoggingLevel {
  level: number;
}

/** `mesos.v1.master.Response.ListFiles` */
export interface MasterResponseListFiles {
  file_infos?: FileInfo[] | undefined;
}

/** `mesos.v1.master.Response.ReadFile` */
export interface MasterResponseReadFile {
  size: number;
  /** Base64. */
  data: string;
}

/** `mesos.v1.master.Response.GetState` */
export interface MasterResponseGetState {
  get_tasks?: MasterResponseGetTasks | undefined;
  get_executors?: MasterResponseGetExecutors | undefined;
  get_frameworks?: MasterResponseGetFrameworks | undefined;
  get_agents?: MasterResponseGetAgents | undefined;
}

/** `mesos.v1.master.Response.GetAgents` */
export interface MasterResponseGetAgents {
  agents?: MasterResponseGetAgentsAgent[] | undefined;
  recovered_agents?: AgentInfo[] | undefined;
}

/** `mesos.v1.master.Response.GetAgents.Agent` */
export interface MasterResponseGetAgentsAgent {
  agent_info: AgentInfo;
  active: boolean;
  deactivated?: boolean | undefined;
  version: string;
  pid?: string | undefined;
  registered_time?: TimeInfo | undefined;
  reregistered_time?: TimeInfo | undefined;
  total_resources?: Resource[] | undefined;
  allocated_resources?: Resource[] | undefined;
  offered_resources?: Resource[] | undefined;
  capabilities?: AgentInfoCapability[] | undefined;
  resource_providers?: MasterResponseGetAgentsAgentResourceProvider[] | undefined;
  drain_info?: DrainInfo | undefined;
  estimated_drain_start_time?: TimeInfo | undefined;
}

/** `mesos.v1.master.Response.GetAgents.Agent.ResourceProvider` */
export interface MasterResponseGetAgentsAgentResourceProvider {
  resource_provider_info: ResourceProviderInfo;
  total_resources?: Resource[] | undefined;
}

/** `mesos.v1.master.Response.GetFrameworks` */
export interface MasterResponseGetFrameworks {
  frameworks?: MasterResponseGetFrameworksFramework[] | undefined;
  completed_frameworks?: MasterResponseGetFrameworksFramework[] | undefined;
  /** @deprecated */
  recovered_frameworks?: FrameworkInfo[] | undefined;
}

/** `mesos.v1.master.Response.GetFrameworks.Framework` */
export interface MasterResponseGetFrameworksFramework {
  framework_info: FrameworkInfo;
  active: boolean;
  connected: boolean;
  recovered: boolean;
  registered_time?: TimeInfo | undefined;
  reregistered_time?: TimeInfo | undefined;
  unregistered_time?: TimeInfo | undefined;
  offers?: Offer[] | undefined;
  inverse_offers?: InverseOffer[] | undefined;
  allocated_resources?: Resource[] | undefined;
  offered_resources?: Resource[] | undefined;
  offer_constraints?: SchedulerOfferConstraints | undefined;
}

/** `mesos.v1.master.Response.GetExecutors` */
export interface MasterResponseGetExecutors {
  executors?: MasterResponseGetExecutorsExecutor[] | undefined;
  /** @deprecated */
  orphan_executors?: MasterResponseGetExecutorsExecutor[] | undefined;
}

/** `mesos.v1.master.Response.GetExecutors.Executor` */
export interface MasterResponseGetExecutorsExecutor {
  executor_info: ExecutorInfo;
  agent_id: AgentID;
}

/** `mesos.v1.master.Response.GetOperations` */
export interface MasterResponseGetOperations {
  operations?: Operation[] | undefined;
}

/** `mesos.v1.master.Response.GetTasks` */
export interface MasterResponseGetTasks {
  /** @deprecated */
  pending_tasks?: Task[] | undefined;
  tasks?: Task[] | undefined;
  unreachable_tasks?: Task[] | undefined;
  completed_tasks?: Task[] | undefined;
  /** @deprecated */
  orphan_tasks?: Task[] | undefined;
}

/** `mesos.v1.master.Response.GetRoles` */
export interface MasterResponseGetRoles {
  roles?: Role[] | undefined;
}

/** `mesos.v1.master.Response.GetWeights` */
export interface MasterResponseGetWeights {
  weight_infos?: WeightInfo[] | undefined;
}

/** `mesos.v1.master.Response.GetMaster` */
export interface MasterResponseGetMaster {
  master_info?: MasterInfo | undefined;
  start_time?: number | undefined;
  elected_time?: number | undefined;
}

/** `mesos.v1.master.Response.GetMaintenanceStatus` */
export interface MasterResponseGetMaintenanceStatus {
  status: MaintenanceClusterStatus;
}

/** `mesos.v1.master.Response.GetMaintenanceSchedule` */
export interface MasterResponseGetMaintenanceSchedule {
  schedule: MaintenanceSchedule;
}

/** `mesos.v1.master.Response.GetQuota` */
export interface MasterResponseGetQuota {
  status: QuotaQuotaStatus;
}

/** `mesos.v1.master.Event` */
export interface MasterEvent {
  type?: MasterEventType | undefined;
  subscribed?: MasterEventSubscribed | undefined;
  task_added?: MasterEventTaskAdded | undefined;
  task_updated?: MasterEventTaskUpdated | undefined;
  agent_added?: MasterEventAgentAdded | undefined;
  agent_removed?: MasterEventAgentRemoved | undefined;
  framework_added?: MasterEventFrameworkAdded | undefined;
  framework_updated?: MasterEventFrameworkUpdated | undefined;
  framework_removed?: MasterEventFrameworkRemoved | undefined;
}

/** `mesos.v1.master.Event.Subscribed` */
export interface MasterEventSubscribed {
  get_state?: MasterResponseGetState | undefined;
  heartbeat_interval_seconds?: number | undefined;
}

/** `mesos.v1.master.Event.TaskAdded` */
export interface MasterEventTaskAdded {
  task: Task;
}

/** `mesos.v1.master.Event.TaskUpdated` */
export interface MasterEventTaskUpdated {
  framework_id: FrameworkID;
  status: TaskStatus;
  state: TaskState;
}

/** `mesos.v1.master.Event.FrameworkAdded` */
export interface MasterEventFrameworkAdded {
  framework: MasterResponseGetFrameworksFramework;
}

/** `mesos.v1.master.Event.FrameworkUpdated` */
export interface MasterEventFrameworkUpdated {
  framework: MasterResponseGetFrameworksFramework;
}

/** `mesos.v1.master.Event.FrameworkRemoved` */
export interface MasterEventFrameworkRemoved {
  framework_info: FrameworkInfo;
}

/** `mesos.v1.master.Event.AgentAdded` */
export interface MasterEventAgentAdded {
  agent: MasterResponseGetAgentsAgent;
}

/** `mesos.v1.master.Event.AgentRemoved` */
export interface MasterEventAgentRemoved {
  agent_id: AgentID;
}

/** `google.protobuf.Duration` */
export interface Duration {
  seconds?: number | undefined;
  nanos?: number | undefined;
}

/** `mesos.v1.Status` */
export type Status =
  | 'DRIVER_NOT_STARTED'
  | 'DRIVER_RUNNING'
  | 'DRIVER_ABORTED'
  | 'DRIVER_STOPPED';

/** `mesos.v1.MachineInfo.Mode` */
export type MachineInfoMode =
  | 'UP'
  | 'DRAINING'
  | 'DOWN';

/** `mesos.v1.FrameworkInfo.Capability.Type` */
export type FrameworkInfoCapabilityType =
  | 'UNKNOWN'
  | 'REVOCABLE_RESOURCES'
  | 'TASK_KILLING_STATE'
  | 'GPU_RESOURCES'
  | 'SHARED_RESOURCES'
  | 'PARTITION_AWARE'
  | 'MULTI_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'REGION_AWARE';

/** `mesos.v1.CheckInfo.Type` */
export type CheckInfoType =
  | 'UNKNOWN'
  | 'COMMAND'
  | 'HTTP'
  | 'TCP';

/** `mesos.v1.HealthCheck.Type` */
export type HealthCheckType =
  | 'UNKNOWN'
  | 'COMMAND'
  | 'HTTP'
  | 'TCP';

/** `mesos.v1.ExecutorInfo.Type` */
export type ExecutorInfoType =
  | 'UNKNOWN'
  | 'DEFAULT'
  | 'CUSTOM';

/** `mesos.v1.MasterInfo.Capability.Type` */
export type MasterInfoCapabilityType =
  | 'UNKNOWN'
  | 'AGENT_UPDATE'
  | 'AGENT_DRAINING'
  | 'QUOTA_V2';

/** `mesos.v1.AgentInfo.Capability.Type` */
export type AgentInfoCapabilityType =
  | 'UNKNOWN'
  | 'MULTI_ROLE'
  | 'HIERARCHICAL_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'RESOURCE_PROVIDER'
  | 'RESIZE_VOLUME'
  | 'AGENT_OPERATION_FEEDBACK'
  | 'AGENT_DRAINING'
  | 'TASK_RESOURCE_LIMITS';

/** `mesos.v1.CSIPluginContainerInfo.Service` */
export type CSIPluginContainerInfoService =
  | 'UNKNOWN'
  | 'CONTROLLER_SERVICE'
  | 'NODE_SERVICE';

/** `mesos.v1.Value.Type` */
export type ValueType =
  | 'SCALAR'
  | 'RANGES'
  | 'SET'
  | 'TEXT';

/** `mesos.v1.Resource.ReservationInfo.Type` */
export type ResourceReservationInfoType =
  | 'UNKNOWN'
  | 'STATIC'
  | 'DYNAMIC';

/** `mesos.v1.Resource.DiskInfo.Source.Type` */
export type ResourceDiskInfoSourceType =
  | 'UNKNOWN'
  | 'PATH'
  | 'MOUNT'
  | 'BLOCK'
  | 'RAW';

/** `mesos.v1.Offer.Operation.Type` */
export type OfferOperationType =
  | 'UNKNOWN'
  | 'LAUNCH'
  | 'LAUNCH_GROUP'
  | 'RESERVE'
  | 'UNRESERVE'
  | 'CREATE'
  | 'DESTROY'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'CREATE_DISK'
  | 'DESTROY_DISK';

/** `mesos.v1.TaskState` */
export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_ERROR'
  | 'TASK_LOST'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

/** `mesos.v1.OperationState` */
export type OperationState =
  | 'OPERATION_UNSUPPORTED'
  | 'OPERATION_PENDING'
  | 'OPERATION_FINISHED'
  | 'OPERATION_FAILED'
  | 'OPERATION_ERROR'
  | 'OPERATION_DROPPED'
  | 'OPERATION_UNREACHABLE'
  | 'OPERATION_GONE_BY_OPERATOR'
  | 'OPERATION_RECOVERING'
  | 'OPERATION_UNKNOWN';

/** `mesos.v1.TaskStatus.Source` */
export type TaskStatusSource =
  | 'SOURCE_MASTER'
  | 'SOURCE_AGENT'
  | 'SOURCE_EXECUTOR';

/** `mesos.v1.TaskStatus.Reason` */
export type TaskStatusReason =
  | 'REASON_COMMAND_EXECUTOR_FAILED'
  | 'REASON_CONTAINER_LAUNCH_FAILED'
  | 'REASON_CONTAINER_LIMITATION'
  | 'REASON_CONTAINER_LIMITATION_DISK'
  | 'REASON_CONTAINER_LIMITATION_MEMORY'
  | 'REASON_CONTAINER_PREEMPTED'
  | 'REASON_CONTAINER_UPDATE_FAILED'
  | 'REASON_MAX_COMPLETION_TIME_REACHED'
  | 'REASON_EXECUTOR_REGISTRATION_TIMEOUT'
  | 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT'
  | 'REASON_EXECUTOR_TERMINATED'
  | 'REASON_EXECUTOR_UNREGISTERED'
  | 'REASON_FRAMEWORK_REMOVED'
  | 'REASON_GC_ERROR'
  | 'REASON_INVALID_FRAMEWORKID'
  | 'REASON_INVALID_OFFERS'
  | 'REASON_IO_SWITCHBOARD_EXITED'
  | 'REASON_MASTER_DISCONNECTED'
  | 'REASON_RECONCILIATION'
  | 'REASON_RESOURCES_UNKNOWN'
  | 'REASON_AGENT_DISCONNECTED'
  | 'REASON_AGENT_DRAINING'
  | 'REASON_AGENT_REMOVED'
  | 'REASON_AGENT_REMOVED_BY_OPERATOR'
  | 'REASON_AGENT_REREGISTERED'
  | 'REASON_AGENT_RESTARTED'
  | 'REASON_AGENT_UNKNOWN'
  | 'REASON_TASK_KILLED_DURING_LAUNCH'
  | 'REASON_TASK_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_GROUP_INVALID'
  | 'REASON_TASK_GROUP_UNAUTHORIZED'
  | 'REASON_TASK_INVALID'
  | 'REASON_TASK_UNAUTHORIZED'
  | 'REASON_TASK_UNKNOWN';

/** `mesos.v1.Environment.Variable.Type` */
export type EnvironmentVariableType =
  | 'UNKNOWN'
  | 'VALUE'
  | 'SECRET';

/** `mesos.v1.Secret.Type` */
export type SecretType =
  | 'UNKNOWN'
  | 'REFERENCE'
  | 'VALUE';

/** `mesos.v1.Image.Type` */
export type ImageType =
  | 'APPC'
  | 'DOCKER';

/** `mesos.v1.MountPropagation.Mode` */
export type MountPropagationMode =
  | 'UNKNOWN'
  | 'HOST_TO_CONTAINER'
  | 'BIDIRECTIONAL';

/** `mesos.v1.Volume.Mode` */
export type VolumeMode =
  | 'RW'
  | 'RO';

/** `mesos.v1.Volume.Source.Type` */
export type VolumeSourceType =
  | 'UNKNOWN'
  | 'DOCKER_VOLUME'
  | 'HOST_PATH'
  | 'SANDBOX_PATH'
  | 'SECRET'
  | 'CSI_VOLUME';

/** `mesos.v1.Volume.Source.SandboxPath.Type` */
export type VolumeSourceSandboxPathType =
  | 'UNKNOWN'
  | 'SELF'
  | 'PARENT';

/** `mesos.v1.Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode` */
export type VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode =
  | 'UNKNOWN'
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_READER_ONLY'
  | 'MULTI_NODE_SINGLE_WRITER'
  | 'MULTI_NODE_MULTI_WRITER';

/** `mesos.v1.NetworkInfo.Protocol` */
export type NetworkInfoProtocol =
  | 'IPv4'
  | 'IPv6';

/** `mesos.v1.CapabilityInfo.Capability` */
export type CapabilityInfoCapability =
  | 'UNKNOWN'
  | 'CHOWN'
  | 'DAC_OVERRIDE'
  | 'DAC_READ_SEARCH'
  | 'FOWNER'
  | 'FSETID'
  | 'KILL'
  | 'SETGID'
  | 'SETUID'
  | 'SETPCAP'
  | 'LINUX_IMMUTABLE'
  | 'NET_BIND_SERVICE'
  | 'NET_BROADCAST'
  | 'NET_ADMIN'
  | 'NET_RAW'
  | 'IPC_LOCK'
  | 'IPC_OWNER'
  | 'SYS_MODULE'
  | 'SYS_RAWIO'
  | 'SYS_CHROOT'
  | 'SYS_PTRACE'
  | 'SYS_PACCT'
  | 'SYS_ADMIN'
  | 'SYS_BOOT'
  | 'SYS_NICE'
  | 'SYS_RESOURCE'
  | 'SYS_TIME'
  | 'SYS_TTY_CONFIG'
  | 'MKNOD'
  | 'LEASE'
  | 'AUDIT_WRITE'
  | 'AUDIT_CONTROL'
  | 'SETFCAP'
  | 'MAC_OVERRIDE'
  | 'MAC_ADMIN'
  | 'SYSLOG'
  | 'WAKE_ALARM'
  | 'BLOCK_SUSPEND'
  | 'AUDIT_READ'
  | 'PERFMON'
  | 'BPF'
  | 'CHECKPOINT_RESTORE';

/** `mesos.v1.LinuxInfo.IpcMode` */
export type LinuxInfoIpcMode =
  | 'UNKNOWN'
  | 'PRIVATE'
  | 'SHARE_PARENT';

/** `mesos.v1.RLimitInfo.RLimit.Type` */
export type RLimitInfoRLimitType =
  | 'UNKNOWN'
  | 'RLMT_AS'
  | 'RLMT_CORE'
  | 'RLMT_CPU'
  | 'RLMT_DATA'
  | 'RLMT_FSIZE'
  | 'RLMT_LOCKS'
  | 'RLMT_MEMLOCK'
  | 'RLMT_MSGQUEUE'
  | 'RLMT_NICE'
  | 'RLMT_NOFILE'
  | 'RLMT_NPROC'
  | 'RLMT_RSS'
  | 'RLMT_RTPRIO'
  | 'RLMT_RTTIME'
  | 'RLMT_SIGPENDING'
  | 'RLMT_STACK';

/** `mesos.v1.ContainerInfo.Type` */
export type ContainerInfoType =
  | 'DOCKER'
  | 'MESOS';

/** `mesos.v1.ContainerInfo.DockerInfo.Network` */
export type ContainerInfoDockerInfoNetwork =
  | 'HOST'
  | 'BRIDGE'
  | 'NONE'
  | 'USER';

/** `mesos.v1.CgroupInfo.Blkio.Operation` */
export type CgroupInfoBlkioOperation =
  | 'UNKNOWN'
  | 'TOTAL'
  | 'READ'
  | 'WRITE'
  | 'SYNC'
  | 'ASYNC'
  | 'DISCARD';

/** `mesos.v1.DiscoveryInfo.Visibility` */
export type DiscoveryInfoVisibility =
  | 'FRAMEWORK'
  | 'CLUSTER'
  | 'EXTERNAL';

/** `mesos.v1.DrainState` */
export type DrainState =
  | 'UNKNOWN'
  | 'DRAINING'
  | 'DRAINED';

/** `mesos.v1.allocator.InverseOfferStatus.Status` */
export type AllocatorInverseOfferStatusStatus =
  | 'UNKNOWN'
  | 'ACCEPT'
  | 'DECLINE';

/** `mesos.v1.scheduler.Event.Type` */
export type SchedulerEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'OFFERS'
  | 'INVERSE_OFFERS'
  | 'RESCIND'
  | 'RESCIND_INVERSE_OFFER'
  | 'UPDATE'
  | 'UPDATE_OPERATION_STATUS'
  | 'MESSAGE'
  | 'FAILURE'
  | 'ERROR'
  | 'HEARTBEAT';

/** `mesos.v1.scheduler.Response.Type` */
export type SchedulerResponseType =
  | 'UNKNOWN'
  | 'RECONCILE_OPERATIONS';

/** `mesos.v1.scheduler.AttributeConstraint.Selector.PseudoattributeType` */
export type SchedulerAttributeConstraintSelectorPseudoattributeType =
  | 'UNKNOWN'
  | 'HOSTNAME'
  | 'REGION'
  | 'ZONE';

/** `mesos.v1.scheduler.Call.Type` */
export type SchedulerCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'TEARDOWN'
  | 'ACCEPT'
  | 'DECLINE'
  | 'ACCEPT_INVERSE_OFFERS'
  | 'DECLINE_INVERSE_OFFERS'
  | 'REVIVE'
  | 'KILL'
  | 'SHUTDOWN'
  | 'ACKNOWLEDGE'
  | 'ACKNOWLEDGE_OPERATION_STATUS'
  | 'RECONCILE'
  | 'RECONCILE_OPERATIONS'
  | 'MESSAGE'
  | 'REQUEST'
  | 'SUPPRESS'
  | 'UPDATE_FRAMEWORK';

/** `mesos.v1.executor.Event.Type` */
export type ExecutorEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'LAUNCH'
  | 'LAUNCH_GROUP'
  | 'KILL'
  | 'ACKNOWLEDGED'
  | 'MESSAGE'
  | 'ERROR'
  | 'SHUTDOWN'
  | 'HEARTBEAT';

/** `mesos.v1.executor.Call.Type` */
export type ExecutorCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'UPDATE'
  | 'MESSAGE'
  | 'HEARTBEAT';

/** `mesos.v1.agent.Call.Type` */
export type AgentCallType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_CONTAINERS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_AGENT'
  | 'GET_RESOURCE_PROVIDERS'
  | 'LAUNCH_NESTED_CONTAINER'
  | 'WAIT_NESTED_CONTAINER'
  | 'KILL_NESTED_CONTAINER'
  | 'REMOVE_NESTED_CONTAINER'
  | 'LAUNCH_NESTED_CONTAINER_SESSION'
  | 'ATTACH_CONTAINER_INPUT'
  | 'ATTACH_CONTAINER_OUTPUT'
  | 'LAUNCH_CONTAINER'
  | 'WAIT_CONTAINER'
  | 'KILL_CONTAINER'
  | 'REMOVE_CONTAINER'
  | 'ADD_RESOURCE_PROVIDER_CONFIG'
  | 'UPDATE_RESOURCE_PROVIDER_CONFIG'
  | 'REMOVE_RESOURCE_PROVIDER_CONFIG'
  | 'MARK_RESOURCE_PROVIDER_GONE'
  | 'PRUNE_IMAGES';

/** `mesos.v1.agent.Call.AttachContainerInput.Type` */
export type AgentCallAttachContainerInputType =
  | 'UNKNOWN'
  | 'CONTAINER_ID'
  | 'PROCESS_IO';

/** `mesos.v1.agent.Response.Type` */
export type AgentResponseType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_CONTAINERS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_AGENT'
  | 'GET_RESOURCE_PROVIDERS'
  | 'WAIT_NESTED_CONTAINER'
  | 'WAIT_CONTAINER';

/** `mesos.v1.agent.ProcessIO.Type` */
export type AgentProcessIOType =
  | 'UNKNOWN'
  | 'DATA'
  | 'CONTROL';

/** `mesos.v1.agent.ProcessIO.Data.Type` */
export type AgentProcessIODataType =
  | 'UNKNOWN'
  | 'STDIN'
  | 'STDOUT'
  | 'STDERR';

/** `mesos.v1.agent.ProcessIO.Control.Type` */
export type AgentProcessIOControlType =
  | 'UNKNOWN'
  | 'TTY_INFO'
  | 'HEARTBEAT';

/** `mesos.v1.master.Call.Type` */
export type MasterCallType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'UPDATE_WEIGHTS'
  | 'GET_MASTER'
  | 'SUBSCRIBE'
  | 'RESERVE_RESOURCES'
  | 'UNRESERVE_RESOURCES'
  | 'CREATE_VOLUMES'
  | 'DESTROY_VOLUMES'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'UPDATE_MAINTENANCE_SCHEDULE'
  | 'START_MAINTENANCE'
  | 'STOP_MAINTENANCE'
  | 'DRAIN_AGENT'
  | 'DEACTIVATE_AGENT'
  | 'REACTIVATE_AGENT'
  | 'GET_QUOTA'
  | 'UPDATE_QUOTA'
  | 'SET_QUOTA'
  | 'REMOVE_QUOTA'
  | 'TEARDOWN'
  | 'MARK_AGENT_GONE';

/** `mesos.v1.master.Response.Type` */
export type MasterResponseType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'GET_MASTER'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'GET_QUOTA';

/** `mesos.v1.master.Event.Type` */
export type MasterEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'TASK_ADDED'
  | 'TASK_UPDATED'
  | 'AGENT_ADDED'
  | 'AGENT_REMOVED'
  | 'FRAMEWORK_ADDED'
  | 'FRAMEWORK_UPDATED'
  | 'FRAMEWORK_REMOVED'
  | 'HEARTBEAT';

/** Every message by its name, for whatever is generic over them. */
export interface Messages {
  FrameworkID: FrameworkID;
  OfferID: OfferID;
  AgentID: AgentID;
  TaskID: TaskID;
  ExecutorID: ExecutorID;
  ContainerID: ContainerID;
  ResourceProviderID: ResourceProviderID;
  OperationID: OperationID;
  TimeInfo: TimeInfo;
  DurationInfo: DurationInfo;
  Address: Address;
  URL: URL;
  Unavailability: Unavailability;
  MachineID: MachineID;
  MachineInfo: MachineInfo;
  FrameworkInfo: FrameworkInfo;
  FrameworkInfoCapability: FrameworkInfoCapability;
  CheckInfo: CheckInfo;
  CheckInfoCommand: CheckInfoCommand;
  CheckInfoHttp: CheckInfoHttp;
  CheckInfoTcp: CheckInfoTcp;
  HealthCheck: HealthCheck;
  HealthCheckHTTPCheckInfo: HealthCheckHTTPCheckInfo;
  HealthCheckTCPCheckInfo: HealthCheckTCPCheckInfo;
  KillPolicy: KillPolicy;
  CommandInfo: CommandInfo;
  CommandInfoURI: CommandInfoURI;
  ExecutorInfo: ExecutorInfo;
  DomainInfo: DomainInfo;
  DomainInfoFaultDomain: DomainInfoFaultDomain;
  DomainInfoFaultDomainRegionInfo: DomainInfoFaultDomainRegionInfo;
  DomainInfoFaultDomainZoneInfo: DomainInfoFaultDomainZoneInfo;
  MasterInfo: MasterInfo;
  MasterInfoCapability: MasterInfoCapability;
  AgentInfo: AgentInfo;
  AgentInfoCapability: AgentInfoCapability;
  CSIPluginContainerInfo: CSIPluginContainerInfo;
  CSIPluginEndpoint: CSIPluginEndpoint;
  CSIPluginInfo: CSIPluginInfo;
  ResourceProviderInfo: ResourceProviderInfo;
  ResourceProviderInfoStorage: ResourceProviderInfoStorage;
  Value: Value;
  ValueScalar: ValueScalar;
  ValueRange: ValueRange;
  ValueRanges: ValueRanges;
  ValueSet: ValueSet;
  ValueText: ValueText;
  Attribute: Attribute;
  Resource: Resource;
  ResourceAllocationInfo: ResourceAllocationInfo;
  ResourceReservationInfo: ResourceReservationInfo;
  ResourceDiskInfo: ResourceDiskInfo;
  ResourceDiskInfoPersistence: ResourceDiskInfoPersistence;
  ResourceDiskInfoSource: ResourceDiskInfoSource;
  ResourceDiskInfoSourcePath: ResourceDiskInfoSourcePath;
  ResourceDiskInfoSourceMount: ResourceDiskInfoSourceMount;
  ResourceRevocableInfo: ResourceRevocableInfo;
  ResourceSharedInfo: ResourceSharedInfo;
  TrafficControlStatistics: TrafficControlStatistics;
  IpStatistics: IpStatistics;
  IcmpStatistics: IcmpStatistics;
  TcpStatistics: TcpStatistics;
  UdpStatistics: UdpStatistics;
  SNMPStatistics: SNMPStatistics;
  DiskStatistics: DiskStatistics;
  ResourceStatistics: ResourceStatistics;
  ResourceStatisticsRatePercentiles: ResourceStatisticsRatePercentiles;
  ResourceStatisticsRateStatistics: ResourceStatisticsRateStatistics;
  ResourceUsage: ResourceUsage;
  ResourceUsageExecutor: ResourceUsageExecutor;
  ResourceUsageExecutorTask: ResourceUsageExecutorTask;
  PerfStatistics: PerfStatistics;
  OfferFilters: OfferFilters;
  OfferFiltersResourceQuantities: OfferFiltersResourceQuantities;
  OfferFiltersMinAllocatableResources: OfferFiltersMinAllocatableResources;
  Request: Request;
  Offer: Offer;
  OfferOperation: OfferOperation;
  OfferOperationLaunch: OfferOperationLaunch;
  OfferOperationLaunchGroup: OfferOperationLaunchGroup;
  OfferOperationReserve: OfferOperationReserve;
  OfferOperationUnreserve: OfferOperationUnreserve;
  OfferOperationCreate: OfferOperationCreate;
  OfferOperationDestroy: OfferOperationDestroy;
  OfferOperationGrowVolume: OfferOperationGrowVolume;
  OfferOperationShrinkVolume: OfferOperationShrinkVolume;
  OfferOperationCreateDisk: OfferOperationCreateDisk;
  OfferOperationDestroyDisk: OfferOperationDestroyDisk;
  InverseOffer: InverseOffer;
  TaskInfo: TaskInfo;
  TaskGroupInfo: TaskGroupInfo;
  Task: Task;
  TaskResourceLimitation: TaskResourceLimitation;
  UUID: UUID;
  Operation: Operation;
  OperationStatus: OperationStatus;
  CheckStatusInfo: CheckStatusInfo;
  CheckStatusInfoCommand: CheckStatusInfoCommand;
  CheckStatusInfoHttp: CheckStatusInfoHttp;
  CheckStatusInfoTcp: CheckStatusInfoTcp;
  TaskStatus: TaskStatus;
  Filters: Filters;
  Environment: Environment;
  EnvironmentVariable: EnvironmentVariable;
  Parameter: Parameter;
  Parameters: Parameters;
  Credential: Credential;
  Credentials: Credentials;
  Secret: Secret;
  SecretReference: SecretReference;
  SecretValue: SecretValue;
  RateLimit: RateLimit;
  RateLimits: RateLimits;
  Image: Image;
  ImageAppc: ImageAppc;
  ImageDocker: ImageDocker;
  MountPropagation: MountPropagation;
  Volume: Volume;
  VolumeSource: VolumeSource;
  VolumeSourceDockerVolume: VolumeSourceDockerVolume;
  VolumeSourceHostPath: VolumeSourceHostPath;
  VolumeSourceSandboxPath: VolumeSourceSandboxPath;
  VolumeSourceCSIVolume: VolumeSourceCSIVolume;
  VolumeSourceCSIVolumeVolumeCapability: VolumeSourceCSIVolumeVolumeCapability;
  VolumeSourceCSIVolumeVolumeCapabilityBlockVolume: VolumeSourceCSIVolumeVolumeCapabilityBlockVolume;
  VolumeSourceCSIVolumeVolumeCapabilityMountVolume: VolumeSourceCSIVolumeVolumeCapabilityMountVolume;
  VolumeSourceCSIVolumeVolumeCapabilityAccessMode: VolumeSourceCSIVolumeVolumeCapabilityAccessMode;
  VolumeSourceCSIVolumeStaticProvisioning: VolumeSourceCSIVolumeStaticProvisioning;
  NetworkInfo: NetworkInfo;
  NetworkInfoIPAddress: NetworkInfoIPAddress;
  NetworkInfoPortMapping: NetworkInfoPortMapping;
  CapabilityInfo: CapabilityInfo;
  SeccompInfo: SeccompInfo;
  LinuxInfo: LinuxInfo;
  RLimitInfo: RLimitInfo;
  RLimitInfoRLimit: RLimitInfoRLimit;
  TTYInfo: TTYInfo;
  TTYInfoWindowSize: TTYInfoWindowSize;
  ContainerInfo: ContainerInfo;
  ContainerInfoDockerInfo: ContainerInfoDockerInfo;
  ContainerInfoDockerInfoPortMapping: ContainerInfoDockerInfoPortMapping;
  ContainerInfoMesosInfo: ContainerInfoMesosInfo;
  ContainerStatus: ContainerStatus;
  CgroupInfo: CgroupInfo;
  CgroupInfoBlkioValue: CgroupInfoBlkioValue;
  CgroupInfoBlkioCFQStatistics: CgroupInfoBlkioCFQStatistics;
  CgroupInfoBlkioThrottlingStatistics: CgroupInfoBlkioThrottlingStatistics;
  CgroupInfoBlkioStatistics: CgroupInfoBlkioStatistics;
  CgroupInfoNetCls: CgroupInfoNetCls;
  Labels: Labels;
  Label: Label;
  Port: Port;
  Ports: Ports;
  DiscoveryInfo: DiscoveryInfo;
  WeightInfo: WeightInfo;
  VersionInfo: VersionInfo;
  Flag: Flag;
  Role: Role;
  Metric: Metric;
  FileInfo: FileInfo;
  Device: Device;
  DeviceNumber: DeviceNumber;
  DeviceAccess: DeviceAccess;
  DeviceAccessAccess: DeviceAccessAccess;
  DeviceWhitelist: DeviceWhitelist;
  DrainConfig: DrainConfig;
  DrainInfo: DrainInfo;
  AllocatorInverseOfferStatus: AllocatorInverseOfferStatus;
  MaintenanceWindow: MaintenanceWindow;
  MaintenanceSchedule: MaintenanceSchedule;
  MaintenanceClusterStatus: MaintenanceClusterStatus;
  MaintenanceClusterStatusDrainingMachine: MaintenanceClusterStatusDrainingMachine;
  QuotaQuotaInfo: QuotaQuotaInfo;
  QuotaQuotaRequest: QuotaQuotaRequest;
  QuotaQuotaConfig: QuotaQuotaConfig;
  QuotaQuotaStatus: QuotaQuotaStatus;
  SchedulerEvent: SchedulerEvent;
  SchedulerEventSubscribed: SchedulerEventSubscribed;
  SchedulerEventOffers: SchedulerEventOffers;
  SchedulerEventInverseOffers: SchedulerEventInverseOffers;
  SchedulerEventRescind: SchedulerEventRescind;
  SchedulerEventRescindInverseOffer: SchedulerEventRescindInverseOffer;
  SchedulerEventUpdate: SchedulerEventUpdate;
  SchedulerEventUpdateOperationStatus: SchedulerEventUpdateOperationStatus;
  SchedulerEventMessage: SchedulerEventMessage;
  SchedulerEventFailure: SchedulerEventFailure;
  SchedulerEventError: SchedulerEventError;
  SchedulerResponse: SchedulerResponse;
  SchedulerResponseReconcileOperations: SchedulerResponseReconcileOperations;
  SchedulerAttributeConstraint: SchedulerAttributeConstraint;
  SchedulerAttributeConstraintSelector: SchedulerAttributeConstraintSelector;
  SchedulerAttributeConstraintPredicate: SchedulerAttributeConstraintPredicate;
  SchedulerAttributeConstraintPredicateExists: SchedulerAttributeConstraintPredicateExists;
  SchedulerAttributeConstraintPredicateNotExists: SchedulerAttributeConstraintPredicateNotExists;
  SchedulerAttributeConstraintPredicateTextEquals: SchedulerAttributeConstraintPredicateTextEquals;
  SchedulerAttributeConstraintPredicateTextNotEquals: SchedulerAttributeConstraintPredicateTextNotEquals;
  SchedulerAttributeConstraintPredicateTextMatches: SchedulerAttributeConstraintPredicateTextMatches;
  SchedulerAttributeConstraintPredicateTextNotMatches: SchedulerAttributeConstraintPredicateTextNotMatches;
  SchedulerOfferConstraints: SchedulerOfferConstraints;
  SchedulerOfferConstraintsRoleConstraints: SchedulerOfferConstraintsRoleConstraints;
  SchedulerOfferConstraintsRoleConstraintsGroup: SchedulerOfferConstraintsRoleConstraintsGroup;
  SchedulerCall: SchedulerCall;
  SchedulerCallSubscribe: SchedulerCallSubscribe;
  SchedulerCallAccept: SchedulerCallAccept;
  SchedulerCallDecline: SchedulerCallDecline;
  SchedulerCallAcceptInverseOffers: SchedulerCallAcceptInverseOffers;
  SchedulerCallDeclineInverseOffers: SchedulerCallDeclineInverseOffers;
  SchedulerCallRevive: SchedulerCallRevive;
  SchedulerCallKill: SchedulerCallKill;
  SchedulerCallShutdown: SchedulerCallShutdown;
  SchedulerCallAcknowledge: SchedulerCallAcknowledge;
  SchedulerCallAcknowledgeOperationStatus: SchedulerCallAcknowledgeOperationStatus;
  SchedulerCallReconcile: SchedulerCallReconcile;
  SchedulerCallReconcileTask: SchedulerCallReconcileTask;
  SchedulerCallReconcileOperations: SchedulerCallReconcileOperations;
  SchedulerCallReconcileOperationsOperation: SchedulerCallReconcileOperationsOperation;
  SchedulerCallMessage: SchedulerCallMessage;
  SchedulerCallRequest: SchedulerCallRequest;
  SchedulerCallSuppress: SchedulerCallSuppress;
  SchedulerCallUpdateFramework: SchedulerCallUpdateFramework;
  SchedulerAPIResult: SchedulerAPIResult;
  ExecutorEvent: ExecutorEvent;
  ExecutorEventSubscribed: ExecutorEventSubscribed;
  ExecutorEventLaunch: ExecutorEventLaunch;
  ExecutorEventLaunchGroup: ExecutorEventLaunchGroup;
  ExecutorEventKill: ExecutorEventKill;
  ExecutorEventAcknowledged: ExecutorEventAcknowledged;
  ExecutorEventMessage: ExecutorEventMessage;
  ExecutorEventError: ExecutorEventError;
  ExecutorCall: ExecutorCall;
  ExecutorCallSubscribe: ExecutorCallSubscribe;
  ExecutorCallUpdate: ExecutorCallUpdate;
  ExecutorCallMessage: ExecutorCallMessage;
  AgentCall: AgentCall;
  AgentCallGetMetrics: AgentCallGetMetrics;
  AgentCallSetLoggingLevel: AgentCallSetLoggingLevel;
  AgentCallListFiles: AgentCallListFiles;
  AgentCallReadFile: AgentCallReadFile;
  AgentCallGetContainers: AgentCallGetContainers;
  AgentCallLaunchNestedContainer: AgentCallLaunchNestedContainer;
  AgentCallWaitNestedContainer: AgentCallWaitNestedContainer;
  AgentCallKillNestedContainer: AgentCallKillNestedContainer;
  AgentCallRemoveNestedContainer: AgentCallRemoveNestedContainer;
  AgentCallLaunchNestedContainerSession: AgentCallLaunchNestedContainerSession;
  AgentCallAttachContainerInput: AgentCallAttachContainerInput;
  AgentCallAttachContainerOutput: AgentCallAttachContainerOutput;
  AgentCallLaunchContainer: AgentCallLaunchContainer;
  AgentCallWaitContainer: AgentCallWaitContainer;
  AgentCallKillContainer: AgentCallKillContainer;
  AgentCallRemoveContainer: AgentCallRemoveContainer;
  AgentCallAddResourceProviderConfig: AgentCallAddResourceProviderConfig;
  AgentCallUpdateResourceProviderConfig: AgentCallUpdateResourceProviderConfig;
  AgentCallRemoveResourceProviderConfig: AgentCallRemoveResourceProviderConfig;
  AgentCallMarkResourceProviderGone: AgentCallMarkResourceProviderGone;
  AgentCallPruneImages: AgentCallPruneImages;
  AgentResponse: AgentResponse;
  AgentResponseGetHealth: AgentResponseGetHealth;
  AgentResponseGetFlags: AgentResponseGetFlags;
  AgentResponseGetVersion: AgentResponseGetVersion;
  AgentResponseGetMetrics: AgentResponseGetMetrics;
  AgentResponseGetLoggingLevel: AgentResponseGetLoggingLevel;
  AgentResponseListFiles: AgentResponseListFiles;
  AgentResponseReadFile: AgentResponseReadFile;
  AgentResponseGetState: AgentResponseGetState;
  AgentResponseGetContainers: AgentResponseGetContainers;
  AgentResponseGetContainersContainer: AgentResponseGetContainersContainer;
  AgentResponseGetFrameworks: AgentResponseGetFrameworks;
  AgentResponseGetFrameworksFramework: AgentResponseGetFrameworksFramework;
  AgentResponseGetExecutors: AgentResponseGetExecutors;
  AgentResponseGetExecutorsExecutor: AgentResponseGetExecutorsExecutor;
  AgentResponseGetOperations: AgentResponseGetOperations;
  AgentResponseGetTasks: AgentResponseGetTasks;
  AgentResponseGetAgent: AgentResponseGetAgent;
  AgentResponseGetResourceProviders: AgentResponseGetResourceProviders;
  AgentResponseGetResourceProvidersResourceProvider: AgentResponseGetResourceProvidersResourceProvider;
  AgentResponseWaitNestedContainer: AgentResponseWaitNestedContainer;
  AgentResponseWaitContainer: AgentResponseWaitContainer;
  AgentProcessIO: AgentProcessIO;
  AgentProcessIOData: AgentProcessIOData;
  AgentProcessIOControl: AgentProcessIOControl;
  AgentProcessIOControlHeartbeat: AgentProcessIOControlHeartbeat;
  MasterCall: MasterCall;
  MasterCallGetMetrics: MasterCallGetMetrics;
  MasterCallSetLoggingLevel: MasterCallSetLoggingLevel;
  MasterCallListFiles: MasterCallListFiles;
  MasterCallReadFile: MasterCallReadFile;
  MasterCallUpdateWeights: MasterCallUpdateWeights;
  MasterCallReserveResources: MasterCallReserveResources;
  MasterCallUnreserveResources: MasterCallUnreserveResources;
  MasterCallCreateVolumes: MasterCallCreateVolumes;
  MasterCallDestroyVolumes: MasterCallDestroyVolumes;
  MasterCallGrowVolume: MasterCallGrowVolume;
  MasterCallShrinkVolume: MasterCallShrinkVolume;
  MasterCallUpdateMaintenanceSchedule: MasterCallUpdateMaintenanceSchedule;
  MasterCallStartMaintenance: MasterCallStartMaintenance;
  MasterCallStopMaintenance: MasterCallStopMaintenance;
  MasterCallDrainAgent: MasterCallDrainAgent;
  MasterCallDeactivateAgent: MasterCallDeactivateAgent;
  MasterCallReactivateAgent: MasterCallReactivateAgent;
  MasterCallUpdateQuota: MasterCallUpdateQuota;
  MasterCallSetQuota: MasterCallSetQuota;
  MasterCallRemoveQuota: MasterCallRemoveQuota;
  MasterCallTeardown: MasterCallTeardown;
  MasterCallMarkAgentGone: MasterCallMarkAgentGone;
  MasterResponse: MasterResponse;
  MasterResponseGetHealth: MasterResponseGetHealth;
  MasterResponseGetFlags: MasterResponseGetFlags;
  MasterResponseGetVersion: MasterResponseGetVersion;
  MasterResponseGetMetrics: MasterResponseGetMetrics;
  MasterResponseGetLoggingLevel: MasterResponseGetLoggingLevel;
  MasterResponseListFiles: MasterResponseListFiles;
  MasterResponseReadFile: MasterResponseReadFile;
  MasterResponseGetState: MasterResponseGetState;
  MasterResponseGetAgents: MasterResponseGetAgents;
  MasterResponseGetAgentsAgent: MasterResponseGetAgentsAgent;
  MasterResponseGetAgentsAgentResourceProvider: MasterResponseGetAgentsAgentResourceProvider;
  MasterResponseGetFrameworks: MasterResponseGetFrameworks;
  MasterResponseGetFrameworksFramework: MasterResponseGetFrameworksFramework;
  MasterResponseGetExecutors: MasterResponseGetExecutors;
  MasterResponseGetExecutorsExecutor: MasterResponseGetExecutorsExecutor;
  MasterResponseGetOperations: MasterResponseGetOperations;
  MasterResponseGetTasks: MasterResponseGetTasks;
  MasterResponseGetRoles: MasterResponseGetRoles;
  MasterResponseGetWeights: MasterResponseGetWeights;
  MasterResponseGetMaster: MasterResponseGetMaster;
  MasterResponseGetMaintenanceStatus: MasterResponseGetMaintenanceStatus;
  MasterResponseGetMaintenanceSchedule: MasterResponseGetMaintenanceSchedule;
  MasterResponseGetQuota: MasterResponseGetQuota;
  MasterEvent: MasterEvent;
  MasterEventSubscribed: MasterEventSubscribed;
  MasterEventTaskAdded: MasterEventTaskAdded;
  MasterEventTaskUpdated: MasterEventTaskUpdated;
  MasterEventFrameworkAdded: MasterEventFrameworkAdded;
  MasterEventFrameworkUpdated: MasterEventFrameworkUpdated;
  MasterEventFrameworkRemoved: MasterEventFrameworkRemoved;
  MasterEventAgentAdded: MasterEventAgentAdded;
  MasterEventAgentRemoved: MasterEventAgentRemoved;
  Duration: Duration;
}
