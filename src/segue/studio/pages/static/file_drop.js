// A place where a file is dropped, or chosen: it is sent as it is, and what has become of it is said.
export default {
  template: `
    <label class="drop" :class="{ over }" @dragover.prevent="over = true" @dragleave="over = false" @drop.prevent="drop">
      <span>{{ busy || label }}</span>
      <input type="file" :disabled="!!busy" @change="choose" />
    </label>`,
  props: { label: String, largest: Number },
  data: () => ({ over: false, busy: "" }),
  methods: {
    drop(event) {
      this.over = false;
      this.send(event.dataTransfer.files[0]);
    },
    async choose(event) {
      await this.send(event.target.files[0]);
      event.target.value = "";
    },
    async send(file) {
      if (!file || this.busy) return;
      if (file.size > this.largest) return this.$emit("refused", `A file has at most ${this.largest / 1e6} MB here.`);
      this.busy = `taking in ${file.name}`;
      const answer = await fetch(`/upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }).catch((error) => ({ text: () => String(error) }));
      this.busy = "";
      this.$emit(answer.ok ? "kept" : "refused", await answer.text());
    },
  },
};
